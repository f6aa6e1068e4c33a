"""The judge works in the background: it judges contracts that have changed.

Any number of processes may have one. Contracts that one of them has locked are left out by the others.
"""

import asyncio

import structlog
from chassis.background import Kept, keep
from recobro_events import TRANSIENT_ERRORS, Backoff, Database

from portfolio.strategy import judging

POLL_SECONDS = 0.5
"""The longest time until a change is seen."""

_MOST_PAUSE_SECONDS = 30.0
_log = structlog.get_logger(__name__)


def kept(database: Database, poll_seconds: float = POLL_SECONDS) -> Kept:
    """The task of the judge. If it ends, another one goes on: what is judged is no longer marked."""

    async def run() -> None:
        backoff = Backoff(poll_seconds, _MOST_PAUSE_SECONDS)
        while True:
            try:
                worked = await judging.work(database)
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("judging_interrupted", error=type(error).__name__, exc_info=True)
                await backoff.wait()
                continue
            if not worked:
                await asyncio.sleep(poll_seconds)

    return keep("judge", run)
