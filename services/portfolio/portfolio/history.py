"""What happened to a contract, oldest first."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from recobro_events import Row, Transaction

from portfolio.locking import ContractUnknown
from portfolio.placements import worked_by

_REMEMBER = """
INSERT INTO contract_history (contract_id, business_date, kind, summary, data)
SELECT contract_id, coalesce(portfolio.business_date, contract.as_of), line.kind, line.summary, line.data::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS line (contract_id, kind, summary, data, n)
JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
ORDER BY n
"""
# What names an agency is told to no other one.
_READ = """
SELECT history_id, at, business_date, kind, summary, data FROM contract_history
WHERE contract_id = $1 AND history_id > $2
    AND ($4::text IS NULL OR coalesce(data ->> 'agency_id', $4) = $4)
ORDER BY history_id LIMIT $3
"""
_MAY_READ = f"SELECT true FROM contract WHERE contract_id = $1 AND ($2::uuid IS NULL OR {worked_by('$2')})"


class Line(NamedTuple):
    """One thing that happened. ``summary`` is for people and holds no personal data; ``data`` is ready for JSON."""

    contract_id: UUID
    kind: str
    summary: str
    data: dict[str, Any]


class HistoryItem(OutputModel):
    at: datetime
    business_date: date
    kind: str
    summary: str
    data: dict[str, Any]


async def remember(tx: Transaction, lines: Iterable[Line]) -> None:
    """Write these lines, dated with the business dates of their portfolios."""
    rows: Sequence[tuple[UUID, str, str, str]] = [
        (line.contract_id, line.kind, line.summary, json.dumps(line.data, default=str)) for line in lines
    ]
    if rows:
        await tx.execute(_REMEMBER, *zip(*rows, strict=True))


async def read(reader: Reader, contract_id: UUID, query: PageQuery, agency_id: UUID | None = None) -> Page[HistoryItem]:
    """A page of a contract's history. ``ContractUnknown``, also for an agency whose contract it is not."""
    after = query.after(int) or 0
    if not await reader.fetchval(_MAY_READ, contract_id, agency_id):
        raise ContractUnknown()
    agency = None if agency_id is None else str(agency_id)
    rows: list[Row] = await reader.fetch(_READ, contract_id, after, query.limit + 1, agency)
    return page(rows, query, key=lambda row: (row["history_id"],))
