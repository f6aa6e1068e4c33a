"""The follower works in the background: it takes the consequences of agreements that have changed.

Any number of processes may have one. Each takes the contract's row first, and finds nothing left where another one was
there before.
"""

from functools import partial

from chassis.background import Kept, polled
from recobro_events import Database

from portfolio.agreements import following

POLL_SECONDS = 0.5
"""The longest time until a change is seen."""


def kept(database: Database, poll_seconds: float = POLL_SECONDS) -> Kept:
    """The task of the follower. If it ends, another one goes on: what is done is no longer to be followed."""
    return polled("agreements", partial(following.follow_all, database), poll_seconds)
