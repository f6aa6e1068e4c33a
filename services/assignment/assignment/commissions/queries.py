"""Commissions: earned, reversed, read."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

# A placement that is over says itself until when it earns; the dates of one that is not may have passed unnoticed.
_EARN_OF = """
INSERT INTO commission
    (payment_id, placement_id, contract_id, agency_id, kind, earned_on, days_past_due, base, percent, amount, currency)
SELECT paid.payment_id, placement.placement_id, paid.contract_id, placement.agency_id, placement.kind, paid.day,
    paid.days_past_due, paid.base, fee.percent, round(paid.base * fee.percent / 100, 2), paid.currency
FROM {paid}
JOIN placement USING (contract_id)
JOIN service_contract USING (service_contract_id)
JOIN fee ON fee.service_contract_id = placement.service_contract_id AND fee.kind = placement.kind
    AND paid.days_past_due >= fee.from_days AND (fee.to_days IS NULL OR paid.days_past_due <= fee.to_days)
WHERE paid.base > 0 AND paid.day >= placement.starts_on
    AND paid.day <= coalesce(
        placement.earns_until,
        least(placement.ends_on, CASE WHEN placement.state = 'recall_pending' THEN placement.final_on END)
            + service_contract.attribution_days,
        'infinity')
    AND NOT EXISTS (SELECT FROM payment_reversal WHERE payment_reversal.payment_id = paid.payment_id)
ORDER BY paid.payment_id, placement.placement_id
ON CONFLICT DO NOTHING
RETURNING *
"""
_EARN = _EARN_OF.format(
    paid="""unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], $5::numeric[], $6::text[])
    AS paid (contract_id, payment_id, day, days_past_due, base, currency)"""
)
_EARN_OVERTAKING = _EARN_OF.format(
    paid="(SELECT * FROM overtaking_payment WHERE contract_id = ANY ($1::uuid[])) AS paid"
)
_REMEMBER_OVERTAKING = """
INSERT INTO overtaking_payment (contract_id, payment_id, day, days_past_due, base, currency, event_id)
SELECT paid.contract_id, payment_id, day, paid.days_past_due, base, paid.currency, event_id
FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], $5::numeric[], $6::text[], $7::uuid[], $8::bigint[])
    AS paid (contract_id, payment_id, day, days_past_due, base, currency, event_id, version)
JOIN contract USING (contract_id)
WHERE contract.version < paid.version - 1
ON CONFLICT DO NOTHING
"""
_OVERTAKING = "SELECT payment_id, event_id FROM overtaking_payment WHERE payment_id = ANY ($1::uuid[])"
_REMEMBER_REVERSALS = """
INSERT INTO payment_reversal (payment_id, contract_id, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
_REVERSE = """
UPDATE commission SET reversed_on = undone.day
FROM unnest($1::uuid[], $2::uuid[], $3::date[]) AS undone (payment_id, contract_id, day)
WHERE commission.payment_id = undone.payment_id AND commission.reversed_on IS NULL
RETURNING commission.*
"""
_PERIOD = """
agency_id = $1 AND ($2::date IS NULL OR earned_on >= $2) AND ($3::date IS NULL OR earned_on <= $3)
"""
_ITEMS = f"""
SELECT commission.*, contract.contract_number FROM commission JOIN contract USING (contract_id)
WHERE {_PERIOD} AND ($4::date IS NULL OR (earned_on, payment_id, placement_id) > ($4, $5, $6))
ORDER BY earned_on, payment_id, placement_id LIMIT $7
"""
_TOTALS = f"""
SELECT currency, count(*) AS items, sum(amount) AS earned,
    coalesce(sum(amount) FILTER (WHERE reversed_on IS NOT NULL), 0) AS reversed,
    coalesce(sum(amount) FILTER (WHERE reversed_on IS NULL), 0) AS amount
FROM commission WHERE {_PERIOD} GROUP BY currency ORDER BY currency
"""


async def earn(tx: Transaction, columns: Sequence[Sequence[Any]]) -> list[Row]:
    """What these payments earn the agencies that had their contracts on the payments' business dates."""
    return await tx.fetch(_EARN, *columns)


async def remember_overtaking(tx: Transaction, columns: Sequence[Sequence[Any]]) -> None:
    """Keep those of these payments before which something of their contracts is missing here."""
    await tx.execute(_REMEMBER_OVERTAKING, *columns)


async def earn_overtaking(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    """What payments that came too early for them earn the placements of these contracts."""
    return await tx.fetch(_EARN_OVERTAKING, contract_ids)


async def events_of_overtaking(tx: Transaction, payment_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The events that told of these payments."""
    return {row["payment_id"]: row["event_id"] for row in await tx.fetch(_OVERTAKING, payment_ids)}


async def reverse(tx: Transaction, columns: Sequence[Sequence[Any]]) -> list[Row]:
    """Undo what these payments have earned, and let them earn nothing more. Returns what was undone."""
    await tx.execute(_REMEMBER_REVERSALS, *columns)
    return await tx.fetch(_REVERSE, *columns)


async def items(
    reader: Reader,
    agency_id: UUID,
    first: date | None,
    last: date | None,
    after: tuple[date, UUID, UUID] | None,
    limit: int,
) -> list[Row]:
    """By the business date on which they were earned."""
    return await reader.fetch(_ITEMS, agency_id, first, last, *(after or (None, None, None)), limit)


async def totals(reader: Reader, agency_id: UUID, first: date | None, last: date | None) -> list[Row]:
    return await reader.fetch(_TOTALS, agency_id, first, last)
