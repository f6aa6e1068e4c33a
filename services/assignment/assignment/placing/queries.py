"""The statements that place and recall. Each works on any number of contracts; their rows are locked."""

from projections.placements import WITH_AGENCY
from recobro_events import outbox
from recobro_events.contracts import agency, assignment

from assignment.agency_feed.rules import TOPIC
from assignment.placement_rules.rules import HOLDS, PRECEDENCE
from assignment.placements.rules import BUSINESS_DATE, NEXT_REASON, NEXT_STATE, POSITION_HOLDS, RECALL_UNDONE, Reason

PLAN_FOR_MANY = "SET LOCAL plan_cache_mode = force_custom_plan"
"""Plan every statement of this transaction for the tables as they are now.

A cached plan from a time with few placements takes minutes for a chunk of contracts.
"""
_CAPACITY = "7203550202"
LOCK_CAPACITY = f"SELECT pg_advisory_xact_lock({_CAPACITY})"
"""The lock for filling agencies with a capacity. It is taken last and held to the end of the transaction."""

_WANTED_BY = f"""
    contract.contract_number IS NOT NULL AND {POSITION_HOLDS} AND {HOLDS} AND NOT EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = contract.contract_id AND placement.kind = rule.kind AND {WITH_AGENCY})
"""
"""Whether a rule wants the contract placed.

The rule must hold by a position of the business date, and no agency may have the contract for that kind of work. A new
business date may arrive before the position of that day. The event with that position places the contract.
"""

# The next contracts by id after $1, $2 at most: their number, the last id, and the ids of those to review.
NEXT_CHUNK = f"""
SELECT count(*) AS contracts, max(contract_id::text)::uuid AS last_id,
    coalesce(array_agg(contract_id ORDER BY contract_id) FILTER (WHERE to_review), '{{}}') AS contract_ids
FROM (
    SELECT contract.contract_id,
        EXISTS (SELECT FROM placement_rule rule WHERE {_WANTED_BY})
        OR EXISTS (
            SELECT FROM placement
            WHERE placement.contract_id = contract.contract_id AND {NEXT_STATE} IS NOT NULL) AS to_review
    FROM (SELECT * FROM contract WHERE contract_id > $1 ORDER BY contract_id LIMIT $2) AS contract
    LEFT JOIN portfolio USING (portfolio_id)
) AS chunk
"""
# Portfolios without open contracts do not matter here.
PORTFOLIO_AT_ANOTHER_DAY = """
SELECT portfolio_id, name, business_date FROM portfolio
WHERE business_date IS DISTINCT FROM $1
    AND EXISTS (SELECT FROM contract WHERE contract.portfolio_id = portfolio.portfolio_id AND state = 'open')
ORDER BY portfolio_id LIMIT 1
"""
# Contracts with a placement whose grace or term is over on their portfolio's new day.
DUE = """
SELECT contract_id, portfolio_id
FROM (
    SELECT contract_id, final_on AS last_on FROM placement WHERE state = 'recall_pending'
    UNION ALL
    SELECT contract_id, ends_on FROM placement WHERE state = 'active' AND ends_on IS NOT NULL
) AS dated
JOIN contract USING (contract_id)
JOIN unnest($1::uuid[], $2::date[]) AS moved (portfolio_id, day) USING (portfolio_id)
WHERE dated.last_on < moved.day
ORDER BY contract_id LIMIT $3
"""
VERDICTS = f"""
SELECT placement.placement_id, placement.contract_id, {NEXT_STATE} AS state, {NEXT_REASON} AS reason,
    {BUSINESS_DATE} AS day
FROM contract
LEFT JOIN portfolio USING (portfolio_id)
JOIN placement USING (contract_id)
WHERE contract.contract_id = ANY ($1::uuid[]) AND {NEXT_STATE} IS NOT NULL
ORDER BY placement.contract_id, placement.kind
"""
# The recalls that a payment brought about, of contracts whose payment was reversed.
UNDONE = f"""
SELECT placement.placement_id, placement.contract_id, 'active' AS state, '{Reason.PAYMENT_REVERSED}' AS reason,
    {BUSINESS_DATE} AS day
FROM contract
LEFT JOIN portfolio USING (portfolio_id)
JOIN placement USING (contract_id)
WHERE contract.contract_id = ANY ($1::uuid[]) AND {RECALL_UNDONE}
ORDER BY placement.contract_id, placement.kind
"""
# Returns one row for each contract and kind of work that a rule wants placed, with the rule that decides.
WANTED = f"""
SELECT contract.contract_id, rule.kind, rule.rule_id, {BUSINESS_DATE} AS day, past.ordinal, past.refused
FROM contract
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (rule.kind) rule.kind, rule.rule_id
    FROM placement_rule rule WHERE {_WANTED_BY}
    ORDER BY rule.kind, {PRECEDENCE}
) AS rule
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS ordinal,
        array_agg(agency_id) FILTER (WHERE on_request AND state = 'recalled') AS refused
    FROM placement
    WHERE placement.contract_id = contract.contract_id AND placement.kind = rule.kind
) AS past
WHERE contract.contract_id = ANY ($1::uuid[])
ORDER BY contract.contract_id, rule.kind
"""
# The agencies of these rules whose service contract is in force on the day beside the rule.
OPTIONS = """
SELECT given.rule_id, given.day, share.agency_id, share.weight, service_contract.service_contract_id,
    service_contract.ends_on, service_contract.capacity
FROM unnest($1::uuid[], $2::date[]) AS given (rule_id, day)
JOIN placement_rule rule USING (rule_id)
JOIN share USING (rule_id)
JOIN service_contract ON service_contract.agency_id = share.agency_id AND rule.kind = ANY (service_contract.kinds)
    AND given.day >= service_contract.starts_on
    AND (service_contract.ends_on IS NULL OR given.day <= service_contract.ends_on)
"""
# Capacity counts active placements over all kinds of the service contract.
LIMITS = """
SELECT service_contract_id, agency_id, kinds, capacity - (
    SELECT count(*)::integer FROM placement
    WHERE placement.agency_id = service_contract.agency_id AND placement.kind = ANY (service_contract.kinds)
        AND placement.state = 'active') AS free
FROM service_contract WHERE service_contract_id = ANY ($1::uuid[]) AND capacity IS NOT NULL
"""

_CONTRACT_PLACED = outbox.rows(
    assignment.ContractPlaced,
    body="""json_build_object('contract_id', contract_id, 'placement_id', placement_id, 'version', 1,
        'agency_id', agency_id, 'kind', kind, 'rule_id', rule_id, 'starts_on', starts_on, 'ends_on', ends_on)""",
    traceparent="$1",
    event_id="placed_event_id",
)
_PLACEMENT_STARTED = outbox.rows(
    agency.PlacementStarted,
    body="""json_build_object('agency_id', agency_id, 'contract_id', contract_id, 'placement_id', placement_id,
        'kind', kind, 'contract_number', contract_number, 'starts_on', starts_on, 'ends_on', ends_on,
        'as_of', as_of, 'stage', stage, 'days_past_due', days_past_due,
        'overdue_balance', overdue_balance::text, 'total_balance', total_balance::text, 'currency', currency)""",
    traceparent="$1",
    event_id="started_event_id",
    topic=TOPIC,
)
# $1 traceparent, $2 … one array per column. The caller computes the ids; SQL would take ten times as long.
PLACE = f"""
WITH chosen AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::uuid[], $7::uuid[], $8::uuid[],
        $9::date[], $10::date[], $11::uuid[], $12::uuid[])
        AS chosen (placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on,
            ends_on, placed_event_id, started_event_id)
    ORDER BY contract_id, kind
), placed AS (
    INSERT INTO placement (placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on,
        ends_on, placed_version)
    SELECT placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on, ends_on,
        contract.version
    FROM chosen JOIN contract USING (contract_id)
), published AS (
{_CONTRACT_PLACED} FROM chosen
), published_to_agencies AS (
{_PLACEMENT_STARTED} FROM (SELECT * FROM chosen JOIN contract USING (contract_id) ORDER BY contract_id, kind) AS started
)
SELECT placement_id FROM chosen
WHERE EXISTS (SELECT FROM clarification WHERE clarification.contract_id = chosen.contract_id AND silent)
"""
_DISPUTES = outbox.rows(
    agency.ClarificationOpened,
    body="""json_build_object(
        'agency_id', agency_id, 'contract_id', contract_id, 'clarification_id', clarification_id)""",
    traceparent="$2",
    event_id=outbox.Caused("clarification_id", consumer="$1", key="placement_id"),
    topic=TOPIC,
)
PUBLISH_DISPUTES = f"""
{_DISPUTES} FROM placement JOIN clarification USING (contract_id)
WHERE placement_id = ANY ($3::uuid[]) AND silent
ORDER BY contract_id, kind, clarification_id
"""
