"""Dialing lists: asked for once a day per campaign, built from knowledge that is not stale, published in one instant.

The builder and whoever silences must not miss each other, whatever the interleaving. So building goes in steps, each
a transaction of its own. After ``claim`` and ``clear``, ``gather`` commits the entries while the list is ``building``;
``wait_for_silencers`` returns when every silencing transaction that may not have seen them has ended; ``publish``
looks at every entry again. A silencing transaction that begins later sees the entries and takes them off itself.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from chassis import Conflict, Reader, Unavailable
from jurisdictions import codes, profile
from recobro_events import Database, Transaction, barrier, rebuilding
from recobro_events.contracts.dialer_feed import ListPublished
from recobro_platform import BARRIER_ROUNDS

from dialer_feed import metrics
from dialer_feed.campaigns.rules import Standing
from dialer_feed.lists import building_queries as queries
from dialer_feed.wakeups import ring_everywhere
from dialer_feed.withdrawals import queries as withdrawal_queries
from dialer_feed.withdrawals.withdrawing import NEWS

SOURCES = ("portfolio", "assignment", "field-visits", "promises")
"""Whose facts decide who is on a list: their knowledge is waited for before one is built."""
LAG_SECONDS = 2.0
_LAG_POLL_SECONDS = 0.05
STALE = "stale-knowledge"
log = structlog.get_logger(__name__)


class PortfolioInTheWay(Conflict):
    """A portfolio does not allow a list of that day; the detail names it. ``lasting``: waiting cannot help."""

    code = "portfolio-not-ready"

    def __init__(self, standings: Sequence[Standing], day: date) -> None:
        super().__init__(" ".join(obstacle for standing in standings if (obstacle := standing.obstacle(day))))
        self.lasting = any(standing.is_past(day) for standing in standings)


class BeingRebuilt(Conflict):
    """This service has missed something, and others are saying it again: no list is built from what it knows."""

    code = "rebuilding"
    detail = "What is known here is being rebuilt. Lists are built again when that has ended."


class Requested(NamedTuple):
    list_id: UUID
    created: bool


async def request(database: Database, campaign_id: UUID, day: date) -> Requested:
    """The campaign's list of that day, asked for now unless it is there already.

    ``PortfolioInTheWay`` when a portfolio is not ready for it. What was acknowledged a moment ago may not have been
    heard of here yet: that is waited for, up to two seconds.
    """
    deadline = asyncio.get_running_loop().time() + LAG_SECONDS
    while True:
        try:
            return await _request_now(database, campaign_id, day)
        except PortfolioInTheWay as obstacle:
            if obstacle.lasting or asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(_LAG_POLL_SECONDS)


async def _request_now(database: Database, campaign_id: UUID, day: date) -> Requested:
    async with database.transaction() as tx:
        if (known := await queries.list_of_the_day(tx, campaign_id, day)) is not None:
            return Requested(known, created=False)
        if await rebuilding.is_open(tx):
            raise BeingRebuilt()
        await _refuse_obstacles(tx, campaign_id, day)
        if not tx.partitions:
            raise Unavailable("The event log has not been reached yet, so nobody could be asked for news.")
        barrier_id = await barrier.ask(tx, SOURCES, BARRIER_ROUNDS)
        started = await queries.start_list(tx, campaign_id, day, barrier_id)
        if started is not None:
            await queries.await_answers(tx, barrier_id)
            tx.after_commit(lambda: NEWS.ring([BUILDER]))
            return Requested(started, created=True)
    return await _request_now(database, campaign_id, day)


async def _refuse_obstacles(reader: Reader, campaign_id: UUID, day: date) -> None:
    standings = await queries.standings_in_the_way(reader, campaign_id, day)
    if standings:
        raise PortfolioInTheWay(standings, day)


BUILDER = "builder"
"""The bell of ``NEWS`` that the builder listens to."""


class Overruled(Exception):
    """Another builder has claimed the list since, or it is not being built any more; nothing was changed."""


async def claim(database: Database, list_id: UUID, builder: UUID) -> None:
    """Begin, or begin again after a crash. Whoever claims last builds; others' later steps end with ``Overruled``."""
    async with database.transaction() as tx:
        barrier_id = await queries.claim(tx, list_id, builder)
        if barrier_id is None:
            raise Overruled
        await queries.forget_answered(tx, barrier_id)


async def clear(database: Database, list_id: UUID, builder: UUID) -> None:
    """Take away what an earlier attempt has left."""
    async with database.transaction(bulk=True) as tx:
        await queries.discard_entries(tx, list_id)
        await _expect_ours(tx, list_id, builder)


async def _expect_ours(tx: Transaction, list_id: UUID, builder: UUID) -> None:
    if not await queries.is_still_ours(tx, list_id, builder):
        raise Overruled


async def gather(database: Database, list_id: UUID, builder: UUID) -> None:
    """First step: commit the entries, with the list still ``building``."""
    async with database.transaction(bulk=True) as tx:
        await _expect_ours(tx, list_id, builder)
        await queries.gather(tx, list_id, _frequency_rules())


def _frequency_rules() -> Sequence[Sequence[Any]]:
    """Jurisdictions with a rule of call frequency: code, most calls in 7 days, silent days after a conversation."""
    rules = [(code, profile(code).call_frequency.value) for code in codes()]
    known = [(code, rule.max_calls_per_7_days, rule.silent_days_after_conversation) for code, rule in rules if rule]
    return list(zip(*known, strict=True)) or [(), (), ()]


async def wait_for_silencers(database: Database) -> None:
    """Second step: every silencing transaction that may not have seen the entries has ended when this returns."""
    async with database.transaction() as tx:
        await withdrawal_queries.wait_for_silencing(tx)


async def publish(database: Database, list_id: UUID, campaign_id: UUID, day: date, builder: UUID) -> None:
    """Last step: take out who has been silenced since, publish, close the campaign's list before.

    ``PortfolioInTheWay`` when a portfolio has moved meanwhile.
    """
    async with database.transaction(bulk=True) as tx:
        await queries.look_again(tx, list_id)
        if not await queries.lock_for_publishing(tx, list_id, campaign_id, builder):
            raise Overruled
        await _refuse_obstacles(tx, campaign_id, day)
        row = await queries.publish(tx, list_id, campaign_id)
        tx.publish(
            ListPublished(
                list_id=list_id,
                campaign_id=campaign_id,
                agency_id=row["agency_id"],
                business_date=row["business_date"],
                entries=row["entries"],
                overdue_total=row["overdue_total"],
            )
        )
        await ring_everywhere(tx, NEWS, [list_id])
    metrics.LISTS.labels("published").inc()
    metrics.LIST_PUBLISHED_AT.set_to_current_time()
    metrics.LIST_SECONDS.observe((row["published_at"] - row["requested_at"]).total_seconds())
    log.info("list published", list_id=str(list_id), entries=row["entries"])


async def fail(database: Database, list_id: UUID, error: str, detail: str, waiting_for: Sequence[str] = ()) -> None:
    """The list does not come to be; its day is free again."""
    async with database.transaction() as tx:
        if not await queries.fail(tx, list_id, error, detail, waiting_for):
            raise Overruled
        await ring_everywhere(tx, NEWS, [list_id])
    metrics.LISTS.labels("failed").inc()
    log.warning("list failed", list_id=str(list_id), error=error, waiting_for=list(waiting_for))


async def build(database: Database, list_id: UUID, campaign_id: UUID, day: date, builder: UUID) -> None:
    """All steps, for a list whose barrier has been reached."""
    await claim(database, list_id, builder)
    await clear(database, list_id, builder)
    try:
        async with database.connection() as connection:
            await _refuse_obstacles(connection, campaign_id, day)
        await gather(database, list_id, builder)
        await wait_for_silencers(database)
        await publish(database, list_id, campaign_id, day, builder)
    except PortfolioInTheWay as obstacle:
        await fail(database, list_id, obstacle.code, obstacle.detail)


async def advance(database: Database, builder: UUID) -> None:
    """Build every list whose barrier has been reached; fail those whose barrier has failed."""
    async with database.connection() as connection:
        if await rebuilding.is_open(connection):
            return
        waiting = [
            (row, await barrier.progress(connection, row["barrier_id"])) for row in await queries.building(connection)
        ]
    metrics.LIST_BUILDS_SINCE.set(waiting[0][0]["requested_at"].timestamp() if waiting else 0)
    for row, progress in waiting:
        try:
            if progress.state == "reached":
                await build(database, row["list_id"], row["campaign_id"], row["business_date"], builder)
            elif progress.state == "failed":
                named = ", ".join(progress.waiting_for)
                detail = f"Did not answer within {barrier.TIMEOUT.total_seconds() / 60:.0f} minutes: {named}."
                await fail(database, row["list_id"], STALE, detail, progress.waiting_for)
        except Overruled:
            log.info("another builder is at it", list_id=str(row["list_id"]))
