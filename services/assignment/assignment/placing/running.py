"""The placement run looks at all contracts and places, recalls and ends as rules and dates demand.

The run goes through the contracts in the order of their ids, one chunk a transaction. It locks only contracts that are
to change. The next run finishes the work of a run that died. Two runs at once share the work.
"""

from datetime import date
from uuid import UUID

from chassis import Conflict, Day, InputModel, OutputModel
from projections.contracts import lock
from recobro_events import Database, Transaction, step

from assignment.placing import queries
from assignment.placing.reviewing import Outcome, review

CHUNK_CONTRACTS = 10_000
_BEFORE_ALL = UUID(int=0)


class NewPlacementRun(InputModel):
    """A null ``as_of`` means each portfolio's own business date. Otherwise every portfolio must stand at that day."""

    as_of: Day | None = None


class PlacementRun(OutputModel):
    """The counts of a run.

    ``unplaced`` counts placements that a rule wants and for which none of its agencies has room. ``taken_back`` counts
    those that a rule wants, but whose agencies all had the contract until somebody recalled it.
    """

    as_of: date | None
    placed: int
    recalled: int
    recalls_final: int
    ended: int
    unplaced: int
    taken_back: int


class PortfolioNotReady(Conflict):
    code = "portfolio-not-ready"
    may_be_lag = True


async def run(database: Database, new: NewPlacementRun) -> PlacementRun:
    """Place, recall and end what is due. A repeated run changes nothing."""
    outcome, after = Outcome(), _BEFORE_ALL
    while True:
        done, last = await step(database, lambda tx: _chunk(tx, after))  # noqa: B023
        outcome = outcome.plus(done)
        if last is None:
            return PlacementRun(as_of=new.as_of, **outcome._asdict())
        after = last


async def _chunk(tx: Transaction, after: UUID) -> tuple[Outcome, UUID | None]:
    """Review the next contracts after this one. Returns the last one of them, or None when there are no more."""
    await tx.execute(queries.PLAN_FOR_MANY)
    [chunk] = await tx.fetch(queries.NEXT_CHUNK, after, CHUNK_CONTRACTS)
    outcome = Outcome()
    if contract_ids := chunk["contract_ids"]:
        await lock(tx, contract_ids)
        outcome = await review(tx, contract_ids, {})
    return outcome, chunk["last_id"] if chunk["contracts"] == CHUNK_CONTRACTS else None


async def expect_all_at(database: Database, day: date) -> None:
    """Check that all portfolios stand at this day. ``PortfolioNotReady`` names one that does not."""
    async with database.connection() as connection:
        other = await connection.fetchrow(queries.PORTFOLIO_AT_ANOTHER_DAY, day)
    if other is not None:
        portfolio = f'The portfolio "{other["name"]}" ({other["portfolio_id"]})'
        raise PortfolioNotReady(f"{portfolio} has the business date {other['business_date']}, not {day}.")
