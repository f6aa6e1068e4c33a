"""Whether the log is that of the database: an empty one must not go on where another, or a lost one, has left off.

A service whose database knows nothing, while its own topics already hold facts, is either connected to another
platform's log or has lost its database. Both times what it would say and hear is wrong. A rebuild or a restore decides.
"""

from collections.abc import Collection

from recobro_events._database.database import Database
from recobro_events._log.transport import Transport

_KNOWN = """
SELECT log_known OR restored_at IS NOT NULL OR EXISTS (SELECT FROM consumer_position) OR EXISTS (SELECT FROM rebuild)
FROM epoch
"""
_RECOGNISE = "UPDATE epoch SET log_known = true"


async def recognises(database: Database, transport: Transport, own_topics: Collection[str]) -> bool:
    """Whether the database may go on with this log: it has before, it was told to, or nobody has written there yet."""
    async with database.connection() as connection:
        if await connection.fetchval(_KNOWN):
            return True
    if await transport.is_written(own_topics):
        return False
    async with database.connection() as connection:
        await connection.execute(_RECOGNISE)
    return True
