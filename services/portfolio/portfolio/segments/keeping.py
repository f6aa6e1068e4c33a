"""The rules of segments of a portfolio: each change is a new version, which is tried before it holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Conflict, OutputModel, Reader
from recobro_events import MoneyTotal, Transaction

from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.segments import queries
from portfolio.segments.conditions import (
    DEFAULT_RULES,
    DEFAULT_VERSION,
    DEFAULT_WORDS,
    NewSegmentRules,
    SegmentRule,
    SegmentRulesPut,
    Words,
)

EXAMPLES = 10


class RulesChanged(Conflict):
    code = "rules-changed"
    detail = "Somebody else has changed the rules meanwhile. Read them again."


class SegmentRules(OutputModel):
    """The rules that hold, with ``version`` 0 for the default ones. The first that fits decides.

    ``applied``: every contract has been judged by them.
    """

    portfolio_id: UUID
    version: int
    rules: tuple[SegmentRule, ...]
    words: dict[str, Words]
    applied: bool
    changed_at: datetime | None
    changed_by: ActorOfChange


class Move(OutputModel):
    """Open contracts that go from one segment to another; null is no segment. Some of their numbers are examples."""

    from_segment: str | None
    to_segment: str | None
    contracts: int
    overdue_balance: MoneyTotal
    contract_numbers: tuple[str, ...]


class SegmentTrial(OutputModel):
    """What rules say of the open contracts now. ``changed`` counts those whose segment would be another one."""

    contracts: int
    changed: int
    moves: tuple[Move, ...]
    unchanged: tuple[Move, ...]


async def read(reader: Reader, portfolio_id: UUID) -> SegmentRules:
    """Return the rules that hold. Raises ``PortfolioUnknown``."""
    await portfolios.find(reader, portfolio_id)
    return await current(reader, portfolio_id)


async def current(reader: Reader, portfolio_id: UUID) -> SegmentRules:
    row = await reader.fetchrow(queries.RULES, portfolio_id)
    if row is None:
        return SegmentRules(
            portfolio_id=portfolio_id,
            version=DEFAULT_VERSION,
            rules=DEFAULT_RULES,
            words=dict(DEFAULT_WORDS),
            applied=True,
            changed_at=None,
            changed_by=None,
        )
    return SegmentRules(portfolio_id=portfolio_id, **dict(row) | {"words": {**DEFAULT_WORDS, **row["words"]}})


async def change(tx: Transaction, portfolio_id: UUID, new: SegmentRulesPut) -> SegmentRules:
    """Replace the rules. Contracts are judged by them in the background.

    Raises ``PortfolioUnknown``, or ``RulesChanged`` if the rules that hold are not those that ``new`` replaces.
    """
    await portfolios.locked(tx, portfolio_id)
    if new.replaces is not None and (await current(tx, portfolio_id)).version != new.replaces:
        raise RulesChanged()
    words = {code: each.model_dump(mode="json") for code, each in new.words.items()}
    await tx.execute(queries.ADD_RULES, portfolio_id, as_json(new.rules), words)
    await tx.execute(queries.JUDGE_ANEW, portfolio_id)
    return await current(tx, portfolio_id)


async def trial(reader: Reader, portfolio_id: UUID, proposed: NewSegmentRules | None) -> SegmentTrial:
    """Judge the open contracts by ``proposed`` rules, or by those that hold, without effect."""
    await portfolios.find(reader, portfolio_id)
    rules = (await current(reader, portfolio_id)).rules if proposed is None else proposed.rules
    rows = await reader.fetch(queries.TRIAL, portfolio_id, as_json(rules), EXAMPLES)
    moves = [Move.model_validate(dict(row)) for row in rows]
    changed = tuple(move for move in moves if move.from_segment != move.to_segment)
    return SegmentTrial(
        contracts=sum(move.contracts for move in moves),
        changed=sum(move.contracts for move in changed),
        moves=changed,
        unchanged=tuple(move for move in moves if move.from_segment == move.to_segment),
    )


def as_json(rules: Sequence[SegmentRule]) -> list[dict[str, Any]]:
    """The rules as ``queries.rules`` reads them."""
    return [rule.model_dump(mode="json", exclude_none=True) for rule in rules]
