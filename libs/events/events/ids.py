"""Event ids: UUIDv7 (RFC 9562) where no event is the cause, else UUIDv8 made from the cause."""

import hashlib
import os
import time
from uuid import UUID

_VERSION_7 = 7 << 76
_VERSION_8 = 8 << 76
_VARIANT = 2 << 62
_WITHOUT_VERSION_AND_VARIANT = ~((0xF << 76) | (0x3 << 62)) & ((1 << 128) - 1)


def new_event_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then random bits."""
    bits = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return UUID(int=bits & _WITHOUT_VERSION_AND_VARIANT | _VERSION_7 | _VARIANT)


def caused_event_id(cause: UUID, consumer: str, event_type: str, key: str, n: int) -> UUID:
    """The id of the n-th event of a type and key that ``consumer`` publishes because of ``cause``.

    The same for ever, so an event applied again after a restore publishes the same events. The SQL function
    ``caused_event_id`` of ``schema`` computes the same.
    """
    digest = hashlib.sha256(f"{cause}|{consumer}|{event_type}|{key}|{n}".encode()).digest()
    bits = int.from_bytes(digest[:16], "big")
    return UUID(int=bits & _WITHOUT_VERSION_AND_VARIANT | _VERSION_8 | _VARIANT)
