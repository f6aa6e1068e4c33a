"""Publishes deadlines of clarifications: once when they are near, once when they have passed, by the business date."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import (
    ClarificationDeadlineNear,
    ClarificationDeadlinePassed,
    StageCause,
)

from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts
from portfolio.portfolios import portfolios
from portfolio.stages import queries

CHUNK_CONTRACTS = 500


async def publish_chunk(tx: Transaction, portfolio_id: UUID) -> bool:
    """Publish the next deadlines of the business date, one for each contract. Returns False when none is left."""
    day = await portfolios.held_business_date(tx, portfolio_id)
    due = await tx.fetch(queries.DEADLINES_DUE, portfolio_id, day, CHUNK_CONTRACTS)
    if not due:
        return False
    await lock_contracts(tx, [row["contract_id"] for row in due])
    # Before the contracts were locked, a clarification may have been resolved, or another run may have published.
    published = await tx.fetch(queries.MARK_DEADLINES, [row["clarification_id"] for row in due], day)
    changes = [Change(partial(_event, row), _line(row)) for row in published]
    await record_each(tx, StageCause.CATCH_UP, changes)
    return True


def _event(row: Row, fields: Mapping[str, Any]) -> ClarificationDeadlineNear | ClarificationDeadlinePassed:
    event_type = ClarificationDeadlinePassed if row["has_passed"] else ClarificationDeadlineNear
    return event_type(**fields, clarification_id=row["clarification_id"], deadline_on=row["deadline_on"])


def _line(row: Row) -> Line:
    kind, words = (
        ("clarification_deadline_passed", "the deadline {} has passed")
        if row["has_passed"]
        else ("clarification_deadline_near", "the deadline {} is near")
    )
    data = {"clarification_id": row["clarification_id"], "deadline_on": row["deadline_on"]}
    return Line(row["contract_id"], kind, words.format(row["deadline_on"]), data)
