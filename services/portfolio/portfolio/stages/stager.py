"""The stager works on staging runs in the background, the oldest first, and on portfolios whose bands have changed.

Any number of processes may have one. A run has one worker at a time; another takes over when its process dies.
"""

import asyncio
import json
from contextlib import suppress

import structlog
from chassis.background import Kept, keep
from recobro_events import SESSION_SETTINGS, TRANSIENT_ERRORS, Backoff, Database, Row

from portfolio.ledger.leases import leased
from portfolio.stages import pausing, restaging, runs, runs_queries

POLL_SECONDS = 1.0
"""The longest time until this process finds a run that was started through another process."""

_WORKERS = 2
_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.5, 30.0
_log = structlog.get_logger(__name__)


class Stager:
    """Works on runs by its ``kept`` tasks. It looks for new ones every ``poll_seconds``, and at once after ``wake``."""

    def __init__(self, database: Database, poll_seconds: float = POLL_SECONDS) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._wakeup = asyncio.Event()

    def wake(self) -> None:
        self._wakeup.set()

    def kept(self) -> list[Kept]:
        """The tasks of the stager. If one ends, its run continues later, on the day that it had reached."""
        return [keep(f"stager {n}", self._run) for n in range(1, _WORKERS + 1)]

    async def _run(self) -> None:
        backoff = Backoff(_PAUSE_SECONDS, _MOST_PAUSE_SECONDS)
        while True:
            self._wakeup.clear()
            try:
                worked = (
                    await self.work_on_one()
                    or await pausing.work_on_one(self._database)
                    or await restaging.work_on_one(self._database)
                )
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("staging_interrupted", error=type(error).__name__, exc_info=True)
                await backoff.wait()
                continue
            if not worked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wakeup.wait(), self._poll_seconds)

    async def work_on_one(self) -> bool:
        """Work on the oldest run on which nobody works, until it is over; False when there is none."""
        async with self._database.connection() as connection:
            unfinished = await connection.fetch(runs_queries.UNFINISHED)
        for run in unfinished:
            async with leased(self._database, f"staging:{run['run_id']}") as ours:
                if ours and await self._is_unfinished(run):
                    await self._work(run)
                    return True
        return False

    async def _is_unfinished(self, run: Row) -> bool:
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(runs_queries.IS_UNFINISHED, run["run_id"]))

    async def _work(self, run: Row) -> None:
        # History and audit name the person who started the run.
        before = SESSION_SETTINGS.set({"app.actor": json.dumps(run["actor"])} if run["actor"] else {})
        try:
            await runs.work(self._database, run)
        finally:
            SESSION_SETTINGS.reset(before)
