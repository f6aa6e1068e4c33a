"""The daily run moves a portfolio's business date forward and stages the contracts that are due.

The business date moves first, in a short transaction. Then the contracts that are due are staged in chunks, one
transaction each. After a change of bands that is every contract. Deadlines and changes of stage that are near are
announced. At last ``staged_to`` moves and the portfolio's state is published. The next run finishes the work of a run
that died. Two runs at once share the work. Days on which nothing changes are skipped in one step.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

from recobro_events import Database, Transaction, step
from recobro_events.contracts.portfolio import ContractRevised, StageCause

from portfolio.ledger.locking import stage_due
from portfolio.ledger.whole import publish_whole
from portfolio.movements import keeping
from portfolio.portfolios import portfolios
from portfolio.portfolios import queries as portfolio_queries
from portfolio.stages import bands, deadlines, nearing, queries, restaging
from portfolio.strategy import judging

CHUNK_CONTRACTS = 2_000


async def _always() -> bool:
    return True


async def advance(
    database: Database,
    portfolio_id: UUID,
    to: date,
    *,
    last_day: StageCause = StageCause.DAILY_RUN,
    goes_on: Callable[[], Awaitable[bool]] = _always,
) -> int:
    """Stage a portfolio day by day up to ``to``. Returns the number of contracts that have changed stage.

    Changes on an earlier day have the cause ``catch_up``. Changes on the last day have the cause ``last_day``. The
    business date never moves back. It stops after a day when ``goes_on`` says so.
    """
    # Time alone only raises a stage, so each contract that it moved has another stage at the end.
    changed: set[UUID] = set()
    while await goes_on() and (day := await step(database, lambda tx: open_day(tx, portfolio_id, to))) is not None:
        cause = last_day if day >= to else StageCause.CATCH_UP
        changed |= await restaging.finish(database, portfolio_id, cause)
        while (moved := await step(database, lambda tx: stage_chunk(tx, portfolio_id, cause))) is not None:  # noqa: B023
            changed |= moved
        while await step(database, lambda tx: judging.judge_due(tx, portfolio_id)):
            pass
        while await step(database, lambda tx: deadlines.publish_chunk(tx, portfolio_id)):
            pass
        while await step(database, lambda tx: nearing.publish_chunk(tx, portfolio_id)):
            pass
        await step(database, lambda tx: _close_day(tx, portfolio_id))
    await step(database, lambda tx: keeping.keep(tx, portfolio_id))
    return len(changed)


async def open_day(tx: Transaction, portfolio_id: UUID, to: date) -> date | None:
    """Begin the next day, or continue the day that another run has not ended. Returns None when all is done."""
    portfolio = await portfolios.locked(tx, portfolio_id)
    day: date | None = portfolio["business_date"]
    if day is None or (day >= to and day == portfolio["staged_to"]):
        return None
    if day == portfolio["staged_to"]:
        day = await tx.fetchval(queries.NEXT_DAY, portfolio_id, day, to)
        await bands.move(tx, portfolio_id, day)
    return day


async def stage_chunk(tx: Transaction, portfolio_id: UUID, cause: StageCause) -> set[UUID] | None:
    """Stage some contracts that are due. Returns the contracts whose stage changed; None when no contract is due."""
    day = await portfolios.held_business_date(tx, portfolio_id)
    due = await tx.fetch(queries.DUE, portfolio_id, day, CHUNK_CONTRACTS)
    if not due:
        return None
    # Another run may have staged the contracts while this one waited for their rows.
    locked = await tx.fetch(queries.STILL_DUE, [row["contract_id"] for row in due], day)
    rows = await stage_due(tx, locked, day, cause=cause)
    moved = {row["contract_id"] for row in rows if row["stage"] != row["was_stage"]}
    # The published position ends today (``next_change_on``), so each contract has an event.
    if unpublished := {row["contract_id"] for row in rows} - moved:
        await publish_whole(tx, unpublished, ContractRevised)
    return moved


async def _close_day(tx: Transaction, portfolio_id: UUID) -> None:
    portfolio = await portfolios.locked(tx, portfolio_id)
    day = portfolio["business_date"]
    if portfolio["staged_to"] == day or await tx.fetchval(queries.ANY_DUE, portfolio_id, day):
        return
    await tx.execute(portfolio_queries.STAGED, portfolio_id)
    await portfolios.publish_state(tx, portfolio_id)
