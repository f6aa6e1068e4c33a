"""The ladder of a portfolio: each change is a new version, which is tried before it holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Conflict, OutputModel, Reader
from recobro_events import MoneyTotal, Transaction
from recobro_events.contracts.portfolio import ApproachStep

from portfolio.ladder import queries
from portfolio.ladder.conditions import (
    DEFAULT_STEPS,
    DEFAULT_VERSION,
    DEFAULT_WORDS,
    Challenger,
    LadderPut,
    LadderStep,
    NewLadder,
)
from portfolio.ladder.rules import notices_before
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.segments.conditions import Words
from portfolio.segments.queries import JUDGE_ANEW

EXAMPLES = 10


class LadderChanged(Conflict):
    code = "ladder-changed"
    detail = "Somebody else has changed the ladder meanwhile. Read it again."


class Ladder(OutputModel):
    """The ladder that holds, with ``version`` 0 for the default one. ``applied``: every contract was judged by it."""

    portfolio_id: UUID
    version: int
    steps: tuple[LadderStep, ...]
    challenger: Challenger | None
    words: dict[ApproachStep, Words]
    applied: bool
    changed_at: datetime | None
    changed_by: ActorOfChange


class Climb(OutputModel):
    """Open contracts that go from one step to another; null is no step. Some of their numbers are examples.

    ``challenged``: they are judged by the challenger.
    """

    challenged: bool
    from_step: ApproachStep | None
    to_step: ApproachStep | None
    contracts: int
    overdue_balance: MoneyTotal
    contract_numbers: tuple[str, ...]


class LadderTrial(OutputModel):
    """What a ladder would do with the open contracts today. A contract climbs at most one step a day."""

    contracts: int
    changed: int
    moves: tuple[Climb, ...]
    unchanged: tuple[Climb, ...]


async def read(reader: Reader, portfolio_id: UUID) -> Ladder:
    """Return the ladder that holds. Raises ``PortfolioUnknown``."""
    await portfolios.find(reader, portfolio_id)
    return await current(reader, portfolio_id)


async def current(reader: Reader, portfolio_id: UUID) -> Ladder:
    row = await reader.fetchrow(queries.LADDER, portfolio_id)
    if row is None:
        return Ladder(
            portfolio_id=portfolio_id,
            version=DEFAULT_VERSION,
            steps=DEFAULT_STEPS,
            challenger=None,
            words=dict(DEFAULT_WORDS),
            applied=True,
            changed_at=None,
            changed_by=None,
        )
    return Ladder(portfolio_id=portfolio_id, **dict(row) | {"words": {**DEFAULT_WORDS, **row["words"]}})


async def change(tx: Transaction, portfolio_id: UUID, new: LadderPut) -> Ladder:
    """Replace the ladder. Contracts are judged by it in the background.

    Raises ``PortfolioUnknown``, or ``LadderChanged`` if the ladder that holds is not the one that ``new`` replaces.
    """
    await portfolios.locked(tx, portfolio_id)
    if new.replaces is not None and (await current(tx, portfolio_id)).version != new.replaces:
        raise LadderChanged()
    steps = [step.model_dump(mode="json", exclude_none=True) for step in new.steps]
    words = {step: each.model_dump(mode="json") for step, each in new.words.items()}
    challenger = new.challenger and new.challenger.model_dump(mode="json", exclude_none=True)
    await tx.execute(queries.ADD_LADDER, portfolio_id, steps, words, challenger)
    await tx.execute(JUDGE_ANEW, portfolio_id)
    return await current(tx, portfolio_id)


async def trial(reader: Reader, portfolio_id: UUID, proposed: NewLadder | None) -> LadderTrial:
    """Judge the open contracts by a ``proposed`` ladder, or by the one that holds, without effect."""
    portfolio = await portfolios.find(reader, portfolio_id)
    held = await current(reader, portfolio_id)
    tried = held if proposed is None else proposed
    ladder = as_json(tried, held.version + (proposed is not None), portfolio.jurisdiction)
    rows = await reader.fetch(queries.TRIAL, portfolio_id, ladder, EXAMPLES)
    moves = [Climb.model_validate(dict(row)) for row in rows]
    changed = tuple(move for move in moves if move.from_step != move.to_step)
    return LadderTrial(
        contracts=sum(move.contracts for move in moves),
        changed=sum(move.contracts for move in changed),
        moves=changed,
        unchanged=tuple(move for move in moves if move.from_step == move.to_step),
    )


def as_json(ladder: Ladder | NewLadder, version: int, jurisdiction: str) -> dict[str, Any]:
    """The ladder as ``queries.steps`` and ``queries.facts`` read it, with the notices that each step needs."""
    challenger = ladder.challenger

    def listed(steps: Sequence[LadderStep]) -> list[dict[str, Any]]:
        return [
            step.model_dump(mode="json", exclude_none=True) | {"notices": notices_before(step.step, jurisdiction)}
            for step in steps
        ]

    return {
        "version": version,
        "steps": listed(ladder.steps),
        "challenger": [] if challenger is None else listed(challenger.steps),
        "percent": None if challenger is None else challenger.percent,
    }
