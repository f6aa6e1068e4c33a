"""HTTP route by which operators read the attendances that broke a rule of contact."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, ReadConnection, Router, page, reads
from chassis.audit import reads_in_bulk
from recobro_events.contracts.field_visits import AttendedBy

from field_visits.door import queries
from field_visits.door.rules import Breach

router = Router(prefix="/v1", tags=["at the door"])


class VisitBreach(OutputModel):
    """An attendance that broke the rules in ``breaches``. ``actor`` says who recorded it."""

    attendance_id: int
    visit_id: UUID
    contract_id: UUID
    agency_id: UUID | None
    visitor: str
    attended_by: AttendedBy
    at: datetime
    breaches: tuple[Breach, ...]
    recorded_by: str
    recorded_at: datetime
    actor: dict[str, Any] | None


@router.get("/breaches", dependencies=[reads("field-visits"), reads_in_bulk()])
async def list_breaches(
    query: PageQuery,
    reader: ReadConnection,
    kind: Breach | None = None,
    agency_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Page[VisitBreach]:
    """List the attendances that broke a rule of contact, as they were recorded."""
    rows = await reader.fetch(
        queries.BREACHES[query.order], kind, agency_id, contract_id, query.after(int), query.limit + 1
    )
    return page(rows, query, key=lambda row: (row["attendance_id"],))
