"""HTTP route by which operators read what dialers have reported, such as the reports that wait for a person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, ReadConnection, Router, page, reads
from chassis.audit import reads_in_bulk

from dialer_feed.withdrawals import queries

router = Router(prefix="/v1", tags=["dialers"])


class DialerReport(OutputModel):
    """``call_id`` is null for a withdrawal by hand. ``effective`` false: it changed nothing, and a person decides.

    ``actor`` says who reported it: subject, client, agency, delegate, token and request.
    """

    report_id: UUID
    list_id: UUID
    contract_id: UUID
    agency_id: UUID | None
    reason: str
    contact_ids: tuple[UUID, ...]
    call_id: str | None
    detail: str | None
    reported_by: str
    effective: bool
    reported_at: datetime
    actor: dict[str, Any] | None


@router.get("/dialer-reports", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_reports(
    query: PageQuery, reader: ReadConnection, effective: bool | None = None, contract_id: UUID | None = None
) -> Page[DialerReport]:
    """List what dialers have reported, newest first. With ``effective=false`` the reports that a person decides on."""
    rows = await reader.fetch(queries.REPORTS, effective, contract_id, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["report_id"],))
