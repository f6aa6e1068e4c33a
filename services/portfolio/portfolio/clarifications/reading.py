"""Reading clarifications."""

from datetime import date, datetime
from uuid import UUID

from chassis import NotFound, OutputModel, Reader
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


class ClarificationUnknown(NotFound):
    code = "clarification-unknown"
    detail = "There is no clarification with this id."


async def read(reader: Reader, clarification_id: UUID) -> Clarification:
    """Return the clarification. Raises ``ClarificationUnknown``."""
    row = await reader.fetchrow(queries.READ, clarification_id)
    if row is None:
        raise ClarificationUnknown()
    return Clarification.of(row)
