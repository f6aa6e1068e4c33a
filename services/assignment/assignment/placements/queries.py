"""Reading placements. An agency sees its own; ``agency_id`` null sees everything."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

from assignment.placements.rules import DAY

_PLACEMENT = f"""
SELECT placement.placement_id, placement.version, placement.contract_id, contract.contract_number,
    placement.agency_id, placement.kind, placement.state, placement.rule_id, placement.service_contract_id,
    placement.starts_on, placement.ends_on, placement.reason, placement.final_on, placement.objection,
    placement.decision, placement.ended_on, placement.placed_at, placement.changed_at, {DAY} AS day
FROM placement
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
"""
_ONE = f"{_PLACEMENT} WHERE placement_id = $1 AND ($2::uuid IS NULL OR placement.agency_id = $2)"
_MANY = f"""
{_PLACEMENT}
WHERE ($1::uuid IS NULL OR placement.contract_id = $1) AND ($2::uuid IS NULL OR placement.agency_id = $2)
    AND ($3::text IS NULL OR placement.kind = $3) AND ($4::text IS NULL OR placement.state = $4)
    AND ($5::uuid IS NULL OR placement.agency_id = $5) AND ($6::uuid IS NULL OR placement_id > $6)
ORDER BY placement_id LIMIT $7
"""
_CONTRACT_OF = """
SELECT contract_id FROM placement WHERE placement_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)
"""


async def placement(reader: Reader, placement_id: UUID, agency_id: UUID | None) -> Row | None:
    """With the ``day``, its contract's business date."""
    return await reader.fetchrow(_ONE, placement_id, agency_id)


async def placements(
    reader: Reader, filters: Sequence[Any], agency_id: UUID | None, after: UUID | None, limit: int
) -> list[Row]:
    """``filters``: contract, agency, kind and state, each null for any. In the order of their ids."""
    return await reader.fetch(_MANY, *filters, agency_id, after, limit)


async def contract_of(tx: Transaction, placement_id: UUID, agency_id: UUID | None) -> UUID | None:
    found: UUID | None = await tx.fetchval(_CONTRACT_OF, placement_id, agency_id)
    return found
