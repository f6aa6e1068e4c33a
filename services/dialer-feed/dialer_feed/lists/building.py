"""Building a dialing list from facts that are not stale, and publishing it at once.

The builder and a silencing transaction must not miss each other, however they interleave. So building goes in steps,
each a transaction of its own. After ``claim`` and ``clear``, ``gather`` commits the entries while the list is
``building``. ``wait_for_silencers`` returns when every silencing transaction that may not have seen the entries has
ended. ``publish`` checks every entry again. A silencing transaction that begins later sees the entries and withdraws
them itself.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import structlog
from chassis import Conflict
from projections import contracts
from recobro_events import TRANSIENT_ERRORS, Database, Row, Transaction, barrier, rebuilding
from recobro_events.contracts.dialer_feed import MOST_OVERDUE_TOTAL, ListPublished

from dialer_feed import metrics, silences, silencing_lock
from dialer_feed.lists import building_queries as queries
from dialer_feed.lists import frequency
from dialer_feed.lists.readiness import PortfolioNotReady, refuse_unready_portfolios
from dialer_feed.wakeups import LISTS, wake_everywhere

STALE = "stale-knowledge"
NOT_BUILT = "list-not-built"
MOST_ENTRIES = 1_000_000
MOST_ATTEMPTS = 5
"""How often a list is begun. An attempt that a crash or a lost connection ends counts too."""
log = structlog.get_logger(__name__)


class TooManyEntries(Conflict):
    code = "too-many-entries"


class Overruled(Exception):
    """Another builder has claimed the list since, or the list is no longer ``building``. Nothing was changed."""


async def claim(database: Database, list_id: UUID, builder: UUID) -> None:
    """Claim the list, for the first time or after a crash. The last claim wins; other builders get ``Overruled``.

    The reports that the portfolio has decided by now silence no more.
    """
    async with database.transaction() as tx:
        answered = [row["contract_id"] for row in await tx.fetch(queries.ANSWERED, list_id)]
        # Contracts are locked before lists, as everywhere.
        await contracts.lock(tx, answered)
        barrier_id = await queries.claim(tx, list_id, builder)
        if barrier_id is None:
            raise Overruled
        await tx.execute(queries.RELEASE_ANSWERED, barrier_id)
        await silences.sync(tx, answered)


async def clear(database: Database, list_id: UUID, builder: UUID) -> None:
    """Delete the entries that an earlier attempt has left."""
    async with database.transaction(bulk=True) as tx:
        await queries.discard_entries(tx, list_id)
        await _expect_ours(tx, list_id, builder)


async def _expect_ours(tx: Transaction, list_id: UUID, builder: UUID) -> None:
    if not await tx.fetchval(queries.IS_STILL_OURS, list_id, builder):
        raise Overruled


async def gather(database: Database, list_id: UUID, builder: UUID) -> None:
    """Insert and commit the entries while the list is still ``building``. ``TooManyEntries`` beyond the bound."""
    async with database.transaction(bulk=True) as tx:
        await _expect_ours(tx, list_id, builder)
        if await queries.gather(tx, list_id, frequency.limits(), MOST_ENTRIES + 1) > MOST_ENTRIES:
            raise TooManyEntries(f"More than {MOST_ENTRIES:,} contracts would be on the list. Narrow the campaign.")


async def wait_for_silencers(database: Database) -> None:
    """Return when every silencing transaction that may not have seen the entries has ended."""
    async with database.transaction() as tx:
        await tx.execute(silencing_lock.WAIT)


async def publish(database: Database, list_id: UUID, campaign_id: UUID, day: date, builder: UUID) -> None:
    """Delete the entries silenced since ``gather``, publish the list, and close the campaign's earlier lists.

    ``PortfolioNotReady`` when a portfolio is no longer ready for the day.
    """
    async with database.transaction(bulk=True) as tx:
        await queries.recheck(tx, list_id)
        if not await queries.lock_for_publishing(tx, list_id, campaign_id, builder):
            raise Overruled
        await refuse_unready_portfolios(tx, campaign_id, day)
        row = await queries.publish(tx, list_id, campaign_id)
        tx.publish(
            ListPublished(
                list_id=list_id,
                campaign_id=campaign_id,
                agency_id=row["agency_id"],
                business_date=row["business_date"],
                entries=row["entries"],
                overdue_total=min(row["overdue_total"], MOST_OVERDUE_TOTAL),
                overdue_sum=row["overdue_total"],
            )
        )
        await wake_everywhere(tx, LISTS, [list_id])
    metrics.LISTS.labels("published").inc()
    metrics.LIST_PUBLISHED_AT.set_to_current_time()
    metrics.LIST_SECONDS.observe((row["published_at"] - row["requested_at"]).total_seconds())
    log.info("list_published", list_id=str(list_id), entries=row["entries"])


async def fail(database: Database, list_id: UUID, error: str, detail: str, waiting_for: Sequence[str] = ()) -> None:
    """Mark the list as failed. A new list for its day may be requested."""
    async with database.transaction() as tx:
        if not await queries.fail(tx, list_id, error, detail, waiting_for):
            raise Overruled
        await wake_everywhere(tx, LISTS, [list_id])
    metrics.LISTS.labels("failed").inc()
    log.warning("list_failed", list_id=str(list_id), error=error, waiting_for=list(waiting_for))


async def build(database: Database, list_id: UUID, campaign_id: UUID, day: date, builder: UUID) -> None:
    """Run all steps for a list whose barrier has been reached."""
    await claim(database, list_id, builder)
    await clear(database, list_id, builder)
    try:
        async with database.connection() as connection:
            await refuse_unready_portfolios(connection, campaign_id, day)
        await gather(database, list_id, builder)
        await wait_for_silencers(database)
        await publish(database, list_id, campaign_id, day, builder)
    except (PortfolioNotReady, TooManyEntries) as obstacle:
        await fail(database, list_id, obstacle.code, obstacle.detail)


async def advance(database: Database, builder: UUID) -> None:
    """Build every list whose barrier has been reached. Fail every list whose barrier has failed.

    A list that cannot be built fails alone. A list that was interrupted, or that could not even be marked as failed,
    raises its error after the others had their turn.
    """
    async with database.connection() as connection:
        if await rebuilding.is_open(connection):
            return
        waiting = await connection.fetch(queries.BUILDING)
    metrics.LIST_BUILDS_SINCE.set(waiting[0]["requested_at"].timestamp() if waiting else 0)
    interrupted: Exception | None = None
    for row in waiting:
        try:
            await _advance(database, row, builder)
        except Overruled:
            log.info("list_claimed_by_another", list_id=str(row["list_id"]))
        except Exception as error:  # noqa: BLE001 - raised below
            log.warning("list_repeated", list_id=str(row["list_id"]), error=type(error).__name__)
            interrupted = error
    if interrupted is not None:
        raise interrupted


async def _advance(database: Database, row: Row, builder: UUID) -> None:
    list_id = row["list_id"]
    try:
        async with database.connection() as connection:
            progress = await barrier.progress(connection, row["barrier_id"])
        if progress.state == "reached" and row["attempts"] >= MOST_ATTEMPTS:
            await fail(database, list_id, NOT_BUILT, f"The list was begun {MOST_ATTEMPTS} times and never finished.")
        elif progress.state == "reached":
            await build(database, list_id, row["campaign_id"], row["business_date"], builder)
        elif progress.state == "failed":
            named = ", ".join(progress.waiting_for)
            detail = f"No answer came within {barrier.TIMEOUT.total_seconds() / 60:.0f} minutes from {named}."
            await fail(database, list_id, STALE, detail, progress.waiting_for)
    except Overruled:
        raise
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:
        log.critical("list_not_built", list_id=str(list_id), error=type(error).__name__, exc_info=True)
        await fail(database, list_id, NOT_BUILT, f"An unexpected error ended the build: {type(error).__name__}.")
