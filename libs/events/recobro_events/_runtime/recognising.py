"""Check that the log belongs to the database: an empty database must not continue the log of another one.

If the database is empty while the service's own topics hold facts, the service is connected to another platform's log,
or has lost its database. In both cases it would publish and apply wrong events. A rebuild or a restore resolves this.
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
    """Whether the database may use this log.

    It may if it has used the log before, was restored, or has had a rebuild, or if the service's own topics are empty.
    """
    async with database.connection() as connection:
        if await connection.fetchval(_KNOWN):
            return True
    if await transport.is_written(own_topics):
        return False
    async with database.connection() as connection:
        await connection.execute(_RECOGNISE)
    return True
