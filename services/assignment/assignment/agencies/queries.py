"""Agencies, their service contracts and fees, and the rules that divide contracts among them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

After = tuple[datetime, UUID] | None
"""Creation time and id of the last item of the page before."""

_CREATE_AGENCY = "INSERT INTO agency (name, email) VALUES ($1, $2) RETURNING *"
_AGENCY = "SELECT * FROM agency WHERE agency_id = $1"
_LOCK_AGENCY = "SELECT FROM agency WHERE agency_id = $1 FOR UPDATE"
_AGENCIES = """
SELECT * FROM agency WHERE $1::timestamptz IS NULL OR (created_at, agency_id) > ($1, $2)
ORDER BY created_at, agency_id LIMIT $3
"""
_UNKNOWN_AGENCIES = """
SELECT asked.agency_id FROM unnest($1::uuid[]) AS asked (agency_id)
LEFT JOIN agency USING (agency_id) WHERE agency.agency_id IS NULL ORDER BY 1
"""
_OVERLAPPING = """
SELECT service_contract_id FROM service_contract
WHERE agency_id = $1 AND kinds && $2::text[]
    AND starts_on <= coalesce($4::date, 'infinity') AND $3::date <= coalesce(ends_on, 'infinity')
ORDER BY starts_on LIMIT 1
"""
_CREATE_SERVICE_CONTRACT = """
INSERT INTO service_contract
    (agency_id, kinds, starts_on, ends_on, capacity, recall_grace_days, attribution_days)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""
_CREATE_FEES = """
INSERT INTO fee (service_contract_id, kind, from_days, to_days, percent)
SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::integer[], $5::numeric[])
"""
_SERVICE_CONTRACTS = """
SELECT service_contract.*, (
    SELECT coalesce(json_agg(json_build_object('kind', kind, 'from_days', from_days, 'to_days', to_days,
        'percent', percent::text) ORDER BY kind, from_days), '[]')
    FROM fee WHERE fee.service_contract_id = service_contract.service_contract_id) AS fees
FROM service_contract
WHERE agency_id = $1 AND ($2::timestamptz IS NULL OR (created_at, service_contract_id) > ($2, $3))
ORDER BY created_at, service_contract_id LIMIT $4
"""
_CREATE_RULE = """
INSERT INTO placement_rule (name, priority, kind, stages, min_overdue, segments, states, products)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING rule_id
"""
_CREATE_SHARES = "INSERT INTO share (rule_id, agency_id, weight) SELECT $1, * FROM unnest($2::uuid[], $3::integer[])"
_RULE = """
SELECT rule.*, (
    SELECT json_agg(json_build_object('agency_id', agency_id, 'weight', weight) ORDER BY agency_id)
    FROM share WHERE share.rule_id = rule.rule_id) AS shares
FROM placement_rule rule
"""
_ONE_RULE = f"{_RULE} WHERE rule_id = $1"
_RULES = f"""
{_RULE} WHERE $1::timestamptz IS NULL OR (created_at, rule_id) > ($1, $2) ORDER BY created_at, rule_id LIMIT $3
"""
_END_RULE = "UPDATE placement_rule SET ended_at = now() WHERE rule_id = $1 AND ended_at IS NULL RETURNING rule_id"


async def create_agency(tx: Transaction, name: str, email: str | None) -> Row:
    row = await tx.fetchrow(_CREATE_AGENCY, name, email)
    assert row is not None
    return row


async def agency(reader: Reader, agency_id: UUID) -> Row | None:
    return await reader.fetchrow(_AGENCY, agency_id)


async def lock_agency(tx: Transaction, agency_id: UUID) -> bool:
    """Whether there is such an agency; nobody else gives it a service contract until this transaction has ended."""
    return await tx.fetchrow(_LOCK_AGENCY, agency_id) is not None


async def agencies(reader: Reader, after: After, limit: int) -> list[Row]:
    return await reader.fetch(_AGENCIES, *(after or (None, None)), limit)


async def unknown_agencies(reader: Reader, agency_ids: Sequence[UUID]) -> list[UUID]:
    return [row["agency_id"] for row in await reader.fetch(_UNKNOWN_AGENCIES, agency_ids)]


async def overlapping(
    tx: Transaction, agency_id: UUID, kinds: Sequence[str], starts_on: date, ends_on: date | None
) -> UUID | None:
    """A service contract of the agency with one of these kinds on one of these days."""
    found: UUID | None = await tx.fetchval(_OVERLAPPING, agency_id, kinds, starts_on, ends_on)
    return found


async def create_service_contract(tx: Transaction, values: Sequence[Any], fees: Sequence[tuple[Any, ...]]) -> Row:
    """``fees``: kind, first and last day past due, percent."""
    row = await tx.fetchrow(_CREATE_SERVICE_CONTRACT, *values)
    assert row is not None
    if fees:
        await tx.execute(_CREATE_FEES, row["service_contract_id"], *zip(*fees, strict=True))
    return row


async def service_contracts(reader: Reader, agency_id: UUID, after: After, limit: int) -> list[Row]:
    return await reader.fetch(_SERVICE_CONTRACTS, agency_id, *(after or (None, None)), limit)


async def create_rule(tx: Transaction, values: Sequence[Any], shares: Sequence[tuple[UUID, int]]) -> UUID:
    rule_id: UUID = await tx.fetchval(_CREATE_RULE, *values)
    await tx.execute(_CREATE_SHARES, rule_id, *zip(*shares, strict=True))
    return rule_id


async def rule(reader: Reader, rule_id: UUID) -> Row | None:
    return await reader.fetchrow(_ONE_RULE, rule_id)


async def rules(reader: Reader, after: After, limit: int) -> list[Row]:
    return await reader.fetch(_RULES, *(after or (None, None)), limit)


async def end_rule(tx: Transaction, rule_id: UUID) -> bool:
    """Whether it had not ended before."""
    return await tx.fetchval(_END_RULE, rule_id) is not None
