"""How old the service's knowledge is: a barrier of one round, opened again and again.

When the barrier is reached, everything that the other services had acknowledged when it was opened has been applied
here. A permit is given only if the last one that was reached is young enough. A service that does not publish, a log
that does not deliver and a consumer that has stopped therefore end permits, whichever process it happens in. The
barrier of a list shows the same, so no second barrier is opened beside it.
"""

import asyncio
from datetime import timedelta

import structlog
from recobro_events import TRANSIENT_ERRORS, Backoff, Database, barrier

from dialer_feed import metrics
from dialer_feed.calls.dispositions import UNEXPLAINED
from dialer_feed.lists.requesting import SOURCES
from dialer_feed.permits.attempts_queries import OVERDUE

_MOST_PAUSE_SECONDS = 30.0
# Another process has opened one within this time.
_IS_DUE = """
SELECT NOT EXISTS (
    SELECT FROM barrier WHERE state IN ('open', 'waiting') OR opened_at > clock_timestamp() - $1::interval)
"""
_REACHED_AT = f"SELECT coalesce(extract(epoch FROM {barrier.REACHED_AT}), 0)::float8"
log = structlog.get_logger(__name__)


class Hearing:
    """Opens a barrier every ``every_seconds``, for as long as it runs. Several processes open one between them."""

    def __init__(self, database: Database, every_seconds: float) -> None:
        self._database = database
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Open barriers until this is cancelled."""
        backoff = Backoff(self._every_seconds, _MOST_PAUSE_SECONDS)
        while True:
            try:
                await listen(self._database, self._every_seconds)
            except TRANSIENT_ERRORS as error:
                log.warning("hearing_interrupted", error=type(error).__name__)
                await backoff.wait()
            else:
                backoff.reset()
                await asyncio.sleep(self._every_seconds / 4)


async def listen(database: Database, every_seconds: float) -> bool:
    """Open a barrier if the last one is older than that, and none is open. Return whether one was opened."""
    async with database.connection() as connection:
        metrics.KNOWLEDGE_AT.set(await connection.fetchval(_REACHED_AT))
        metrics.OVERDUE_ATTEMPTS.set(await connection.fetchval(OVERDUE))
        metrics.UNEXPLAINED_CODES.set(await connection.fetchval(UNEXPLAINED))
        if not await connection.fetchval(_IS_DUE, timedelta(seconds=every_seconds)):
            return False
    if not database.partitions:
        return False
    async with database.transaction() as tx:
        return await barrier.ask_if_idle(tx, SOURCES)
