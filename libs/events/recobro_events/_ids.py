"""Event ids: UUIDv7 (RFC 9562) where no event is the cause, else UUIDv8 made from the cause."""

import hashlib
import os
import time
from uuid import UUID

from asyncpg.pgproto import pgproto


def new_event_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    return _uuid(7, milliseconds.to_bytes(6, "big") + os.urandom(10))


def caused_event_id(cause: UUID, consumer: str, event_type: str, key: str, n: int) -> UUID:
    """The id of the n-th event of a type and key that ``consumer`` publishes because of ``cause``.

    The same for ever, so an event applied again after a restore publishes the same events. The SQL function
    ``caused_event_id`` of ``schema`` computes the same.
    """
    return _uuid(8, hashlib.sha256(f"{cause}|{consumer}|{event_type}|{key}|{n}".encode()).digest()[:16])


def _uuid(version: int, octets: bytes) -> UUID:
    """These 16 octets with the version and the variant of RFC 9562 in their places."""
    marked = bytearray(octets)
    marked[6] = marked[6] & 0x0F | version << 4
    marked[8] = marked[8] & 0x3F | 0x80
    # asyncpg's kind of UUID: made, compared, written and sent several times as fast as Python's own.
    return pgproto.UUID(bytes(marked))
