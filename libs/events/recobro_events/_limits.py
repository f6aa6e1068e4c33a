"""How large events and records may be. Everything that has such a limit takes it from here."""

MAX_RECORD_BYTES = 1 << 20
"""The largest record that a log takes, with its key, its headers and the overhead of its batch.

Topics, brokers, producers and readers are set to this limit.
"""

MAX_EVENT_BYTES = 1_000_000
"""The largest event that an outbox takes: the bytes of its body, and twice those of its key, which is also a header.

The other headers of a record are far shorter than the difference between the two limits.
"""


def too_large(event_type: str, key: str, size: int) -> str:
    """The sentence about an event that is too large; it holds nothing of the content."""
    return f"{event_type} of the key {key[:100]} has {size} bytes, and an event may have {MAX_EVENT_BYTES}"
