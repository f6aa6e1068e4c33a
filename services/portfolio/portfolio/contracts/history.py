"""What happened to a contract, oldest first."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Page, PageQuery, Reader, page
from recobro_events import Row

from portfolio.projection.placements import worked_by

# What names an agency is told to no other one.
_READ = """
SELECT history_id, at, business_date, kind, summary, data FROM contract_history
WHERE contract_id = $1 AND history_id > $2
    AND ($4::text IS NULL OR coalesce(data ->> 'agency_id', $4) = $4)
ORDER BY history_id LIMIT $3
"""


_MAY_READ = f"SELECT true FROM contract WHERE contract_id = $1 AND ($2::uuid IS NULL OR {worked_by('$2')})"


class HistoryItem(OutputModel):
    at: datetime
    business_date: date
    kind: str
    summary: str
    data: dict[str, Any]


async def read(reader: Reader, contract_id: UUID, query: PageQuery, agency_id: UUID | None = None) -> Page[HistoryItem]:
    """A page of a contract's history. ``ContractUnknown``, also for an agency whose contract it is not."""
    after = query.after(int) or 0
    if not await reader.fetchval(_MAY_READ, contract_id, agency_id):
        raise ContractUnknown()
    agency = None if agency_id is None else str(agency_id)
    rows: list[Row] = await reader.fetch(_READ, contract_id, after, query.limit + 1, agency)
    return page(rows, query, key=lambda row: (row["history_id"],))
