"""The judge works in the background: it judges contracts that have changed.

Any number of processes may have one. Contracts that one of them has locked are left out by the others.
"""

from functools import partial

from chassis.background import Kept, polled
from recobro_events import Database

from portfolio.strategy import judging

POLL_SECONDS = 0.5
"""The longest time until a change is seen."""


def kept(database: Database, poll_seconds: float = POLL_SECONDS) -> Kept:
    """The task of the judge. If it ends, another one goes on: what is judged is no longer marked."""
    return polled("judge", partial(judging.work, database), poll_seconds)
