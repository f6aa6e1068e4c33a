"""Reading clarifications."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from chassis import Day, NotFound, OutputModel, Page, PageQuery, Reader, page
from fastapi import Query
from recobro_events import Row

from portfolio.clarifications import queries
from portfolio.ledger.actors import ActorOfChange


class Clarification(OutputModel):
    """``contact_may_resume`` is null while the clarification is open. ``actor`` has opened it by a request."""

    clarification_id: UUID
    contract_id: UUID
    state: str
    reason: str
    detail: str | None
    opened_by: str
    instalments: list[int]
    opened_at: datetime
    opened_on: date
    deadline_on: date
    resolved_at: datetime | None
    resolution_detail: str | None
    contact_may_resume: bool | None
    document: str | None
    proof_of_sending: str | None
    actor: ActorOfChange
    resolved_by: ActorOfChange

    @classmethod
    def of(cls, row: Row) -> "Clarification":
        return cls(**{name: row[name] for name in cls.model_fields})


class ClarificationState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    REJECTED = "rejected"
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"


class ClarificationItem(Clarification):
    portfolio_id: UUID
    contract_number: str


@dataclass(frozen=True)
class ClarificationFilter:
    """The filter of the list. A clarification must match every given field."""

    state: ClarificationState | None = None
    deadline_before: Annotated[Day | None, Query(description="Only those whose deadline is before this day")] = None
    portfolio_id: UUID | None = None


class ClarificationUnknown(NotFound):
    code = "clarification-unknown"
    detail = "There is no clarification with this id."


async def read(reader: Reader, clarification_id: UUID) -> Clarification:
    """Return the clarification. Raises ``ClarificationUnknown``."""
    row = await reader.fetchrow(queries.READ, clarification_id)
    if row is None:
        raise ClarificationUnknown()
    return Clarification.of(row)


async def listed(reader: Reader, wanted: ClarificationFilter, query: PageQuery) -> Page[ClarificationItem]:
    """Return a page of matching clarifications of all contracts in the order in which they were opened."""
    opened_at, clarification_id = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(
        queries.LIST[query.order],
        *(wanted.portfolio_id, wanted.state, wanted.deadline_before),
        *(opened_at, clarification_id, query.limit + 1),
    )
    return page(rows, query, key=lambda row: (row["opened_at"], row["clarification_id"]))
