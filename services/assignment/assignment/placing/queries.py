"""The statements that place and recall: each works on any number of contracts, which are locked."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from recobro_events import Lane, Row, Transaction
from recobro_events.contracts import agency, assignment
from recobro_events.tracing import current_traceparent

from assignment.placements.rules import DAY, NEXT_REASON, NEXT_STATE, WANTED_BY

_PLAN_FOR_MANY = "SET LOCAL plan_cache_mode = force_custom_plan"
_CAPACITY = "7203550202"
_SHARE_OUT = f"SELECT pg_advisory_xact_lock({_CAPACITY})"

# $1 after which contract, $2 how many contracts to look at.
_RESTLESS = f"""
SELECT count(*) AS looked_at, max(contract_id::text)::uuid AS last_id,
    coalesce(array_agg(contract_id ORDER BY contract_id) FILTER (WHERE restless), '{{}}') AS contract_ids
FROM (
    SELECT contract.contract_id,
        EXISTS (SELECT FROM placement_rule rule WHERE {WANTED_BY})
        OR EXISTS (
            SELECT FROM placement
            WHERE placement.contract_id = contract.contract_id AND {NEXT_STATE} IS NOT NULL) AS restless
    FROM (SELECT * FROM contract WHERE contract_id > $1 ORDER BY contract_id LIMIT $2) AS contract
    LEFT JOIN portfolio USING (portfolio_id)
) AS looked
"""
_VERDICTS = f"""
SELECT placement.placement_id, placement.contract_id, {NEXT_STATE} AS state, {NEXT_REASON} AS reason, {DAY} AS day
FROM contract
LEFT JOIN portfolio USING (portfolio_id)
JOIN placement USING (contract_id)
WHERE contract.contract_id = ANY ($1::uuid[]) AND {NEXT_STATE} IS NOT NULL
ORDER BY placement.contract_id, placement.kind
"""
_WANTED = f"""
SELECT contract.contract_id, rule.kind, rule.rule_id, {DAY} AS day, past.ordinal, past.refused
FROM contract
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (rule.kind) rule.kind, rule.rule_id
    FROM placement_rule rule WHERE {WANTED_BY}
    ORDER BY rule.kind, rule.priority, rule.rule_id
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
_OPTIONS = """
SELECT asked.rule_id, asked.day, share.agency_id, share.weight, service_contract.service_contract_id,
    service_contract.ends_on, service_contract.capacity
FROM unnest($1::uuid[], $2::date[]) AS asked (rule_id, day)
JOIN placement_rule rule USING (rule_id)
JOIN share USING (rule_id)
JOIN service_contract ON service_contract.agency_id = share.agency_id AND rule.kind = ANY (service_contract.kinds)
    AND asked.day >= service_contract.starts_on
    AND (service_contract.ends_on IS NULL OR asked.day <= service_contract.ends_on)
"""
_LIMITS = """
SELECT service_contract_id, agency_id, kinds, capacity - (
    SELECT count(*)::integer FROM placement
    WHERE placement.agency_id = service_contract.agency_id AND placement.kind = ANY (service_contract.kinds)
        AND placement.state = 'active') AS free
FROM service_contract WHERE service_contract_id = ANY ($1::uuid[]) AND capacity IS NOT NULL
"""

# $1 traceparent, $2 … one array per column. Ids are made by whoever fills them: here they would take ten times as long.
_PLACE = f"""
WITH chosen AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::uuid[], $7::uuid[], $8::uuid[],
        $9::date[], $10::date[], $11::uuid[], $12::uuid[])
        AS chosen (placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on,
            ends_on, published_id, told_id)
    ORDER BY contract_id, kind
), placed AS (
    INSERT INTO placement
        (placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on, ends_on)
    SELECT placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on, ends_on
    FROM chosen
), published AS (
    INSERT INTO outbox_bulk (event_id, type, key, traceparent, body)
    SELECT published_id, '{assignment.ContractPlaced.type}', contract_id::text, $1::text,
        json_build_object('contract_id', contract_id, 'placement_id', placement_id, 'version', 1,
            'agency_id', agency_id, 'kind', kind, 'rule_id', rule_id, 'starts_on', starts_on,
            'ends_on', ends_on)::text
    FROM chosen
), told AS (
    INSERT INTO outbox_agencies (event_id, type, key, traceparent, body, topic)
    SELECT told_id, '{agency.PlacementStarted.type}', contract_id::text, $1::text,
        json_build_object('agency_id', agency_id, 'contract_id', contract_id, 'placement_id', placement_id,
            'kind', kind, 'contract_number', contract_number, 'starts_on', starts_on, 'ends_on', ends_on,
            'as_of', as_of, 'stage', stage, 'days_past_due', days_past_due,
            'overdue_balance', overdue_balance::text, 'total_balance', total_balance::text,
            'currency', currency)::text,
        'agency.' || agency_id || '.events'
    FROM (SELECT * FROM chosen JOIN contract USING (contract_id) ORDER BY contract_id, kind) AS started
)
SELECT placement_id FROM chosen
WHERE EXISTS (SELECT FROM clarification WHERE clarification.contract_id = chosen.contract_id AND silent)
"""
_TELL_DISPUTES = f"""
INSERT INTO outbox_agencies (event_id, type, key, traceparent, body, topic)
SELECT caused_event_id(clarification_id, $1::text, '{agency.ClarificationOpened.type}', placement_id::text, 0),
    '{agency.ClarificationOpened.type}', contract_id::text, $2::text,
    json_build_object('agency_id', agency_id, 'contract_id', contract_id, 'clarification_id', clarification_id)::text,
    'agency.' || agency_id || '.events'
FROM placement JOIN clarification USING (contract_id)
WHERE placement_id = ANY ($3::uuid[]) AND silent
ORDER BY contract_id, kind, clarification_id
"""


async def plan_for_many(tx: Transaction) -> None:
    """Plan every statement of this transaction for the tables as they are now.

    A plan that was kept from when there were hardly any placements takes minutes for a chunk of contracts.
    """
    await tx.execute(_PLAN_FOR_MANY)


async def restless(tx: Transaction, after: UUID, limit: int) -> Row:
    """Of the next contracts by id: how many there were, the last one, and those with something to place or recall."""
    row = await tx.fetchrow(_RESTLESS, after, limit)
    assert row is not None
    return row


async def verdicts(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    return await tx.fetch(_VERDICTS, contract_ids)


async def wanted(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    """A row per contract and kind that a rule wants placed, with the first rule that does, by contract and kind."""
    return await tx.fetch(_WANTED, contract_ids)


async def options(tx: Transaction, rules: Sequence[tuple[UUID, date]]) -> list[Row]:
    """The agencies of these rules whose service contract is in force on the day beside the rule."""
    rule_ids, days = zip(*rules, strict=True)
    return await tx.fetch(_OPTIONS, rule_ids, days)


async def share_out(tx: Transaction) -> None:
    """Be the only one who fills agencies that have a capacity, until this transaction has ended. Taken last."""
    await tx.execute(_SHARE_OUT)


async def limits(tx: Transaction, service_contract_ids: Sequence[UUID]) -> list[Row]:
    return await tx.fetch(_LIMITS, service_contract_ids)


async def place(tx: Transaction, columns: Sequence[Sequence[Any]]) -> None:
    """Make the placements with their events, the agencies' too, and the open disputes that agencies have to know of."""
    disputed = await tx.fetch(_PLACE, current_traceparent(), *columns)
    tx.wrote_outbox(Lane.BULK)
    tx.wrote_outbox(Lane.AGENCIES)
    if disputed:
        placement_ids = [row["placement_id"] for row in disputed]
        await tx.execute(_TELL_DISPUTES, tx.consumer or "api", current_traceparent(), placement_ids)
