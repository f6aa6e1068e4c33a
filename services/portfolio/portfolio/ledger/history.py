"""What happened to a contract, oldest first."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Transaction

_REMEMBER = """
INSERT INTO contract_history (contract_id, business_date, kind, summary, data)
SELECT contract_id, coalesce(portfolio.business_date, contract.as_of), line.kind, line.summary, line.data::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS line (contract_id, kind, summary, data, n)
JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
ORDER BY n
"""


class Line(NamedTuple):
    """One thing that happened. ``summary`` is for people and holds no personal data; ``data`` is ready for JSON."""

    contract_id: UUID
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
