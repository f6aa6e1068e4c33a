"""The task that builds lists. Each process with the role ``consumer`` or ``all`` has one; one works at a time."""

import uuid
from typing import Any

import structlog
from recobro_events import TRANSIENT_ERRORS, Backoff, Database

from dialer_feed import metrics
from dialer_feed.lists import building
from dialer_feed.wakeups import BUILDER, LISTS, woken

_POLL_SECONDS = 0.5
_MOST_PAUSE_SECONDS = 30.0
_TRY_LOCK = "SELECT pg_try_advisory_lock(7203550204)"
log = structlog.get_logger(__name__)


class Builder:
    """Builds the requested lists for as long as it runs.

    A session lock on a connection of its own gives a builder its turn; the lock ends with the process. The lock only
    saves work. A builder that has lost the lock unknowingly finds its claim on a list overruled and changes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id = uuid.uuid4()
        self._turn: Any = None

    async def run(self) -> None:
        """Build until this is cancelled. A list that cannot be built fails alone; any other defect is raised."""
        backoff = Backoff(_POLL_SECONDS, _MOST_PAUSE_SECONDS)
        try:
            while True:
                waiter = LISTS.waiter(BUILDER)
                try:
                    if await self._has_turn():
                        with metrics.BUILDER.run():
                            await building.advance(self._database, self._id)
                except TRANSIENT_ERRORS as error:
                    log.warning("building_interrupted", error=type(error).__name__)
                    await self._give_up_turn()
                    await backoff.wait()
                else:
                    backoff.reset()
                    await woken(waiter, _POLL_SECONDS)
        finally:
            await self._give_up_turn()

    async def _has_turn(self) -> bool:
        if self._turn is None:
            self._turn = await self._database.direct_connection()
            self._id = uuid.uuid4()
        # The lock is granted again to its holder. Asking again also shows that the connection is alive.
        return bool(await self._turn.fetchval(_TRY_LOCK, timeout=10))

    async def _give_up_turn(self) -> None:
        turn, self._turn = self._turn, None
        metrics.LIST_BUILDS_SINCE.set(0)
        if turn is not None:
            turn.terminate()
