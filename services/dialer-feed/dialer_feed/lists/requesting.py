"""Requesting a dialing list: one a day per campaign, and only when a barrier over all sources can be requested."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from chassis import Conflict, Unavailable
from recobro_events import Database, barrier, rebuilding
from recobro_platform import BARRIER_ROUNDS

from dialer_feed.lists import queries
from dialer_feed.lists.readiness import refuse_unready_portfolios
from dialer_feed.wakeups import BUILDER, LISTS

SOURCES = ("portfolio", "assignment", "field-visits", "promises")
"""The services whose facts decide who is on a list. A list is built after all of them have answered the barrier."""


class BeingRebuilt(Conflict):
    """This service has missed events and its sources are republishing. No list is built until they have finished."""

    code = "rebuilding"
    detail = "The data of dialer-feed is being rebuilt. Lists can be requested again when the rebuild has ended."


MOST_LISTS_A_DAY = 50
"""How often a campaign's list of a day may be requested again after it has failed."""


class TooManyLists(Conflict):
    code = "too-many-lists"
    detail = f"A campaign may have at most {MOST_LISTS_A_DAY} lists of a day, those that have failed included."


class Requested(NamedTuple):
    list_id: UUID
    created: bool


async def request(database: Database, campaign_id: UUID, day: date) -> Requested:
    """Return the campaign's list of that day, and request it if there is none.

    ``PortfolioNotReady`` when a portfolio is not ready for the list.
    """
    async with database.transaction() as tx:
        if (known := await tx.fetchval(queries.LIST_OF_THE_DAY, campaign_id, day)) is not None:
            return Requested(known, created=False)
        if await rebuilding.is_open(tx):
            raise BeingRebuilt()
        await refuse_unready_portfolios(tx, campaign_id, day)
        if await tx.fetchval(queries.COUNT_OF_THE_DAY, campaign_id, day) >= MOST_LISTS_A_DAY:
            raise TooManyLists()
        if not tx.partitions:
            raise Unavailable("The event log has not been reached yet, so no barrier can be requested.")
        barrier_id = await barrier.ask(tx, SOURCES, BARRIER_ROUNDS)
        started = await tx.fetchval(queries.START, campaign_id, day, barrier_id)
        if started is not None:
            await tx.execute(queries.AWAIT_ANSWERS, barrier_id)
            tx.after_commit(lambda: LISTS.wake([BUILDER]))
            return Requested(started, created=True)
    return await request(database, campaign_id, day)
