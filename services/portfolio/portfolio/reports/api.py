"""Reports without effect over HTTP: a person reads them and decides."""

from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from chassis.audit import reads_in_bulk

from portfolio.reports import deciding
from portfolio.reports.deciding import Decision, Report, ReportState

router = Router(prefix="/v1", tags=["reports"])


@router.get("/reports", dependencies=[reads("portfolio"), reads_in_bulk()])
async def list_reports(
    connection: ReadConnection, query: PageQuery, state: ReportState | None = None, contract_id: UUID | None = None
) -> Page[Report]:
    """List what agencies have reported about contracts that were not with them, in the order of arrival."""
    return await deciding.listed(connection, query, state, contract_id)


@router.get("/reports/{report_id}", dependencies=[reads("portfolio")])
async def read_report(report_id: UUID, connection: ReadConnection) -> Report:
    """Read a report."""
    return await deciding.read(connection, report_id)


@router.post("/reports/{report_id}/decision", status_code=201, dependencies=[writes("portfolio")])
async def decide_report(report_id: UUID, decision: Decision, tx: WriteTransaction) -> Report:
    """Let a report have its effect, or discard it. The decision is final."""
    return await deciding.decide(tx, report_id, decision)
