"""The promise watch: a task that decides what a date decides, soon after a business date has moved."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from recobro_events import TRANSIENT_ERRORS, Backoff, Database

from promises import metrics
from promises.outcomes import deciding

POLL_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 30.0
log = structlog.get_logger(__name__)


class Watch:
    """Decides promises whose time is over, then does the other ``steps``, once a second for as long as it runs.

    Every process with the role ``consumer`` or ``all`` has a watch of its own.
    """

    def __init__(self, database: Database, *steps: Callable[[Database], Awaitable[Any]]) -> None:
        self._database = database
        self._steps = steps

    async def run(self) -> None:
        """Decide until this is cancelled. A defect of ours is raised."""
        backoff = Backoff(POLL_SECONDS, _MOST_PAUSE_SECONDS)
        while True:
            try:
                with metrics.WATCH.run():
                    await self._do()
            except TRANSIENT_ERRORS as error:
                log.warning("deciding_interrupted", error=type(error).__name__)
                await backoff.wait()
            else:
                backoff.reset()
                await asyncio.sleep(POLL_SECONDS)

    async def _do(self) -> None:
        """Do every step. A defect in one keeps no other from being done, and is raised at the end."""
        defects: list[Exception] = []
        for step in (deciding.decide, *self._steps):
            try:
                await step(self._database)
            except TRANSIENT_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - raised below
                defects.append(error)
        if defects:
            raise defects[0]
