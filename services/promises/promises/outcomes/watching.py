"""The promise watch: a task that decides promises whose time is over, soon after a business date has moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from recobro_events import TRANSIENT_ERRORS, Database, beside

from promises import metrics
from promises.outcomes import deciding

POLL_SECONDS = 1.0
_AFTER_A_DEFECT_SECONDS = 30.0
log = structlog.get_logger(__name__)


class Watch:
    """Decides promises whose time is over, once a second while ``running``.

    Every process with the role ``consumer`` or ``all`` has a watch of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with beside(self._run(), "promise watch"):
            yield

    async def _run(self) -> None:
        while True:
            pause_seconds = POLL_SECONDS
            try:
                with metrics.WATCH.run():
                    await deciding.decide(self._database)
            except TRANSIENT_ERRORS as error:
                log.warning("deciding tried again", error=type(error).__name__)
            except Exception as error:
                # A defect in our code: it is logged as critical, and the task goes on after a longer pause.
                log.critical("promises not decided", error=type(error).__name__, exc_info=True)
                pause_seconds = _AFTER_A_DEFECT_SECONDS
            await asyncio.sleep(pause_seconds)
