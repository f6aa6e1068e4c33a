"""The statements that earn, reverse and read commissions."""

from assignment.commissions.rules import AMOUNT, FEE_COVERS, IN_FORCE, NOT_REVERSED

_EARN_OF = f"""
INSERT INTO commission
    (payment_id, placement_id, contract_id, agency_id, kind, earned_on, days_past_due, base, percent, amount, currency)
SELECT paid.payment_id, placement.placement_id, paid.contract_id, placement.agency_id, placement.kind, paid.day,
    paid.days_past_due, paid.base, fee.percent, {AMOUNT}, paid.currency
FROM {{paid}}
JOIN placement USING (contract_id)
JOIN service_contract USING (service_contract_id)
JOIN fee ON fee.service_contract_id = placement.service_contract_id AND {FEE_COVERS}
WHERE paid.base > 0 AND {IN_FORCE} AND {NOT_REVERSED}
ORDER BY paid.payment_id, placement.placement_id
ON CONFLICT DO NOTHING
RETURNING *
"""
EARN = _EARN_OF.format(
    paid="""unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], $5::numeric[], $6::text[])
    AS paid (contract_id, payment_id, day, days_past_due, base, currency)"""
)
EARN_OVERTAKING = _EARN_OF.format(
    paid="(SELECT * FROM overtaking_payment WHERE contract_id = ANY ($1::uuid[])) AS paid"
)
"""The commissions of stored overtaking payments on the placements of these contracts."""

# Stores only payments that overtook an earlier event: the stored version of their contract lags by more than one.
RECORD_OVERTAKING = """
INSERT INTO overtaking_payment (contract_id, payment_id, day, days_past_due, base, currency, event_id)
SELECT paid.contract_id, payment_id, day, paid.days_past_due, base, paid.currency, event_id
FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], $5::numeric[], $6::text[], $7::uuid[], $8::bigint[])
    AS paid (contract_id, payment_id, day, days_past_due, base, currency, event_id, version)
JOIN contract USING (contract_id)
WHERE contract.version < paid.version - 1
ON CONFLICT DO NOTHING
"""
OVERTAKING = "SELECT payment_id, event_id FROM overtaking_payment WHERE payment_id = ANY ($1::uuid[])"
"""The events that reported these payments."""

RECORD_REVERSALS = """
INSERT INTO payment_reversal (payment_id, contract_id, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
REVERSE = """
UPDATE commission SET reversed_on = reversal.day
FROM unnest($1::uuid[], $2::uuid[], $3::date[]) AS reversal (payment_id, contract_id, day)
WHERE commission.payment_id = reversal.payment_id AND commission.reversed_on IS NULL
RETURNING commission.*
"""

# $1 agency, $2 and $3 the first and last business date of the period; null leaves that end open.
_PERIOD = """
agency_id = $1 AND ($2::date IS NULL OR earned_on >= $2) AND ($3::date IS NULL OR earned_on <= $3)
"""
ITEMS = f"""
SELECT payment_id, placement_id, contract_id, contract.contract_number, kind, earned_on, commission.days_past_due, base,
    percent, amount, commission.currency, reversed_on
FROM commission JOIN contract USING (contract_id)
WHERE {_PERIOD} AND ($4::date IS NULL OR (earned_on, payment_id, placement_id) > ($4, $5, $6))
ORDER BY earned_on, payment_id, placement_id LIMIT $7
"""
TOTALS = f"""
SELECT currency, count(*) AS items, sum(amount) AS earned,
    coalesce(sum(amount) FILTER (WHERE reversed_on IS NOT NULL), 0) AS reversed,
    coalesce(sum(amount) FILTER (WHERE reversed_on IS NULL), 0) AS amount
FROM commission WHERE {_PERIOD} GROUP BY currency ORDER BY currency
"""
