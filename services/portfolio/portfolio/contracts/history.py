"""Reading the history of a contract, oldest first."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Page, PageQuery, Reader, page
from recobro_events import Row

from portfolio.contracts import queries


class HistoryItem(OutputModel):
    at: datetime
    business_date: date
    kind: str
    summary: str
    data: dict[str, Any]


async def read(reader: Reader, contract_id: UUID, query: PageQuery, agency_id: UUID | None = None) -> Page[HistoryItem]:
    """Return a page of a contract's history.

    Raises ``ContractUnknown``, also for an agency that does not have the contract.
    """
    after = query.after(int) or 0
    if not await reader.fetchval(queries.MAY_READ, contract_id, agency_id):
        raise ContractUnknown()
    agency = None if agency_id is None else str(agency_id)
    rows: list[Row] = await reader.fetch(queries.HISTORY, contract_id, after, query.limit + 1, agency)
    return page(rows, query, key=lambda row: (row["history_id"],))
