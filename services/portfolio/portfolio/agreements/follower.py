"""The follower works in the background: it takes the consequences of agreements that have changed.

Any number of processes may have one. Each takes the contract's row first, and finds nothing left where another one was
there before.
"""

import asyncio

import structlog
from chassis.background import Kept, keep
from recobro_events import TRANSIENT_ERRORS, Backoff, Database

from portfolio.agreements import following

POLL_SECONDS = 0.5
"""The longest time until a change is seen."""

_MOST_PAUSE_SECONDS = 30.0
_log = structlog.get_logger(__name__)


def kept(database: Database, poll_seconds: float = POLL_SECONDS) -> Kept:
    """The task of the follower. If it ends, another one goes on: what is done is no longer to be followed."""

    async def run() -> None:
        backoff = Backoff(poll_seconds, _MOST_PAUSE_SECONDS)
        while True:
            try:
                await following.follow_all(database)
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("following_interrupted", error=type(error).__name__, exc_info=True)
                await backoff.wait()
                continue
            await asyncio.sleep(poll_seconds)

    return keep("agreements", run)
