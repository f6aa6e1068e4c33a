"""The statements that read placements and store an objection.

An agency sees only its own placements. A null agency means an operator or a service, which sees all.
"""

from chassis.paging import both_orders
from projections.placements import WITH_AGENCY

from assignment.placements.rules import BUSINESS_DATE, GRACE_OVER


def _placement(agency: str) -> str:
    """The placements as this agency sees them. What was written about the contract it reads as long as it has it."""
    has_contract = f"{agency}::uuid IS NULL OR placement.{WITH_AGENCY}"
    return f"""
SELECT placement.placement_id, placement.version, placement.contract_id, contract.contract_number,
    placement.agency_id, placement.kind, placement.state, placement.rule_id, placement.service_contract_id,
    placement.starts_on, placement.ends_on, placement.reason, placement.final_on,
    CASE WHEN {has_contract} THEN placement.objection END AS objection,
    CASE WHEN {has_contract} THEN placement.decision END AS decision,
    placement.ended_on, placement.placed_at, placement.changed_at
FROM placement JOIN contract USING (contract_id)"""


PLACEMENT = f"{_placement('$2')} WHERE placement_id = $1 AND ($2::uuid IS NULL OR placement.agency_id = $2)"
# The state of placements on their contracts' business dates. An agency itself may not read what decides about it.
STATE_ON_DAY = f"""
SELECT placement.placement_id, placement.contract_id, placement.state, {BUSINESS_DATE} AS day,
    {GRACE_OVER} AS grace_over
FROM placement JOIN contract USING (contract_id) LEFT JOIN portfolio USING (portfolio_id)
WHERE placement_id = ANY($1)
"""

# $1 … $4 contract, agency, kind and state, each null for any; $5 the agency that asks; $6 the last placement before
# the page; $8 … $12 first and last day of the start and of the end, and the reason, each null for any.
PLACEMENTS = both_orders(f"""
{_placement("$5")}
WHERE ($1::uuid IS NULL OR placement.contract_id = $1) AND ($2::uuid IS NULL OR placement.agency_id = $2)
    AND ($3::text IS NULL OR placement.kind = $3) AND ($4::text IS NULL OR placement.state = $4)
    AND ($5::uuid IS NULL OR placement.agency_id = $5) AND ($6::uuid IS NULL OR placement_id {{beyond}} $6)
    AND ($8::date IS NULL OR placement.starts_on >= $8) AND ($9::date IS NULL OR placement.starts_on <= $9)
    AND ($10::date IS NULL OR placement.ended_on >= $10) AND ($11::date IS NULL OR placement.ended_on <= $11)
    AND ($12::text IS NULL OR placement.reason = $12)
ORDER BY placement_id {{order}} LIMIT $7
""")
CONTRACTS_OF = """
SELECT placement_id, contract_id FROM placement WHERE placement_id = ANY($1) AND ($2::uuid IS NULL OR agency_id = $2)
"""
OBJECT = """
UPDATE placement SET state = 'objected', objection = $2, version = version + 1, changed_at = now(),
    objection_actor = nullif(current_setting('app.actor', true), '')::jsonb, objected_at = clock_timestamp(),
    objection_accepted = NULL
WHERE placement_id = $1
"""
DECIDE_OBJECTION = "UPDATE placement SET objection_accepted = $2 WHERE placement_id = $1"
# The last objection of each placement. One that a date or a reversed payment has settled was not decided: it lapsed.
_OBJECTED_AT = "coalesce(objected_at, changed_at)"
OBJECTIONS = {
    order: f"""
SELECT placement_id, contract_id, contract_number, agency_id, kind, objection, {_OBJECTED_AT} AS objected_at,
    objection_actor AS objected_by, known.state, placement.state AS placement_state, reason,
    CASE WHEN known.state IN ('accepted', 'refused') THEN decision END AS decision,
    CASE WHEN known.state IN ('accepted', 'refused') THEN decision_actor END AS decided_by
FROM placement
JOIN contract USING (contract_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN placement.state = 'objected' THEN 'open' WHEN objection_accepted THEN 'accepted'
        WHEN NOT objection_accepted THEN 'refused' ELSE 'lapsed' END AS state
) AS known
WHERE objection IS NOT NULL AND ($1::text IS NULL OR known.state = $1) AND ($2::uuid IS NULL OR agency_id = $2)
    AND ($3::uuid IS NULL OR contract_id = $3)
    AND ($4::timestamptz IS NULL OR ({_OBJECTED_AT}, placement_id) {beyond} ($4, $5::uuid))
ORDER BY {_OBJECTED_AT} {order}, placement_id {order} LIMIT $6
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
