"""Event ids: a UUIDv7 (RFC 9562) for an event without a cause, else a UUIDv8 made from the cause."""

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

    The id never changes, so an event that is applied again after a restore publishes the same events. The SQL function
    ``caused_event_id`` of ``schema`` computes the same id.
    """
    return _uuid(8, hashlib.sha256(f"{cause}|{consumer}|{event_type}|{key}|{n}".encode()).digest()[:16])


def _uuid(version: int, octets: bytes) -> UUID:
    """These 16 octets with the version and the variant of RFC 9562 in their places."""
    marked = bytearray(octets)
    marked[6] = marked[6] & 0x0F | version << 4
    marked[8] = marked[8] & 0x3F | 0x80
    # asyncpg's UUID class makes, compares, writes and sends UUIDs several times as fast as Python's.
    return pgproto.UUID(bytes(marked))
