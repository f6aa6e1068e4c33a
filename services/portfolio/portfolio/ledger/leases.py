"""Leases: work that one process at a time does, whichever processes are there. A lease ends with its process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from recobro_events import TRANSIENT_ERRORS, Database

_TRY = "SELECT pg_try_advisory_lock(hashtextextended($1, 20260103))"
_UNLOCK = "SELECT pg_advisory_unlock_all()"


@asynccontextmanager
async def leased(database: Database, name: str) -> AsyncIterator[bool]:
    """Hold the lease ``name`` for the block. Yields False when another holds it.

    A lease may be lost unnoticed, with its connection. So the work must bear that two processes do it at once.
    """
    connection = await database.direct_connection()
    try:
        yield await connection.fetchval(_TRY, name)
    finally:
        with suppress(*TRANSIENT_ERRORS):
            await connection.execute(_UNLOCK)
        connection.terminate()
