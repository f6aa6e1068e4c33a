"""Writes the history of contracts. The subject ``contracts`` reads it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Transaction

INTO_HISTORY = "INSERT INTO contract_history (contract_id, business_date, kind, summary, data)"
"""The head of every statement that writes lines of history."""

_RECORD = f"""
{INTO_HISTORY}
SELECT contract_id, coalesce(portfolio.business_date, contract.as_of), line.kind, line.summary,
    CASE WHEN erased_at IS NULL THEN line.data::jsonb
        ELSE line.data::jsonb - ARRAY['detail', 'note', 'reason_for_non_payment', 'provenance'] END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS line (contract_id, kind, summary, data, n)
JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
ORDER BY n
"""
_RECORD_EACH = f"""
{INTO_HISTORY}
SELECT contract_id, coalesce(portfolio.business_date, contract.as_of), $2::text, $3::text, $4::text::jsonb
FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract_id = ANY($1::uuid[]) ORDER BY contract_id
"""


_KNOWN = """
SELECT n FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS given (contract_id, kind, facts, n)
WHERE EXISTS (
    SELECT FROM contract_history AS line
    WHERE line.contract_id = given.contract_id AND line.kind = given.kind AND line.data @> given.facts::jsonb
)
"""


class Line(NamedTuple):
    """One line of history. ``summary`` is for people and holds no personal data; ``data`` can be written as JSON."""

    contract_id: UUID
    kind: str
    summary: str
    data: dict[str, Any]


async def record(tx: Transaction, lines: Iterable[Line]) -> None:
    """Write these lines with the business dates of their portfolios.

    The lines of a contract whose debtor was erased have no texts: a late report may still bring some.
    """
    rows: Sequence[tuple[UUID, str, str, str]] = [
        (line.contract_id, line.kind, line.summary, json.dumps(line.data, default=str)) for line in lines
    ]
    if rows:
        await tx.execute(_RECORD, *zip(*rows, strict=True))


async def known(tx: Transaction, lines: Sequence[Line], names: Sequence[str]) -> set[int]:
    """Return the places of those lines whose contract has a line of the kind with the same values of these facts."""
    facts = [json.dumps({name: line.data[name] for name in names}) for line in lines]
    rows = await tx.fetch(_KNOWN, [line.contract_id for line in lines], [line.kind for line in lines], facts)
    return {row["n"] - 1 for row in rows}


async def record_each(
    tx: Transaction, contract_ids: Collection[UUID], kind: str, summary: str, data: Mapping[str, Any]
) -> None:
    """Write the same line for each of these contracts."""
    if contract_ids:
        await tx.execute(_RECORD_EACH, list(contract_ids), kind, summary, json.dumps(data, default=str))
