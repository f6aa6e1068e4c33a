"""Ordering, cancelling and ending visits, and reading them. ``agency_id`` null sees everything."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

from field_visits.visits.eligibility import BUSINESS_DATE, DAYS_PAST_DUE, OPEN, REASON

# Known: both the contract and its portfolio have been heard of; an agency knows what is placed with it.
_KNOWN = """
SELECT true FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract.contract_id = $1 AND contract.details_version >= 0 AND contract.version >= 0
    AND ($2::uuid IS NULL OR EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = contract.contract_id AND placement.agency_id = $2 AND placement.active))
"""
_LOCK = "SELECT FROM contract WHERE contract_id = $1 FOR UPDATE"
_STANDING = f"""
SELECT {BUSINESS_DATE} AS business_date, {REASON} AS reason
FROM contract JOIN portfolio USING (portfolio_id), (SELECT $2::date AS visit_on) AS visit
WHERE contract.contract_id = $1
"""
_PLACEMENT = """
SELECT placement_id, agency_id, $3::date BETWEEN starts_on AND coalesce(ends_on, 'infinity') AS in_force
FROM placement
WHERE contract_id = $1 AND active AND ($2::uuid IS NULL OR agency_id = $2)
ORDER BY in_force DESC NULLS LAST, starts_on DESC, placement_id DESC LIMIT 1
"""
_ADDRESSES = """
SELECT address_id, authorised, kind FROM address
WHERE contract_id = $1 AND present AND ($2::uuid IS NULL OR address_id = $2)
ORDER BY array_position($3::text[], kind) NULLS LAST, rank
"""
_INSERT = """
INSERT INTO visit (contract_id, agency_id, placement_id, visitor, visit_on, address_id, ordered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING visit_id
"""

_CANCEL = f"""
UPDATE visit SET state = 'cancelled', cancel_reason = cause.reason, cancelled_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::date[])
    AS cause (contract_id, reason, event_id, placement_id, until)
WHERE visit.contract_id = cause.contract_id AND {OPEN}
    AND (cause.placement_id IS NULL OR visit.placement_id = cause.placement_id)
    AND (cause.until IS NULL OR visit.visit_on <= cause.until)
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.cancel_reason, cause.event_id
"""
_CANCEL_UNFIT = f"""
WITH unfit AS (
    SELECT visit.visit_id, cause.event_id, {REASON} AS reason
    FROM unnest($1::uuid[], $2::uuid[]) AS cause (contract_id, event_id)
    JOIN contract USING (contract_id)
    JOIN visit USING (contract_id)
    WHERE {OPEN}
)
UPDATE visit SET state = 'cancelled', cancel_reason = unfit.reason, cancelled_at = clock_timestamp()
FROM unfit
WHERE visit.visit_id = unfit.visit_id AND unfit.reason IS NOT NULL
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.cancel_reason, unfit.event_id
"""
_CANCEL_BY_HAND = """
UPDATE visit SET state = 'cancelled', cancel_reason = 'operator', cancel_detail = $2, cancelled_at = clock_timestamp()
WHERE visit_id = $1
"""

_CONTRACT_OF = "SELECT contract_id FROM visit WHERE visit_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"
_ATTEND = """
INSERT INTO attendance (visit_id, attended_by, at, told_balance, recorded_by) VALUES ($1, $2, $3, $4, $5)
"""
_BALANCE = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, {BUSINESS_DATE} AS as_of,
    coalesce({DAYS_PAST_DUE}, 0) AS days_past_due
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.contract_id = $1
"""
_END = """
UPDATE visit SET state = $2, outcome = $3, attended_by = $4, reason_for_non_payment = $5, started_at = $6,
    latitude = $7, longitude = $8, accuracy_metres = $9, address_verdict = $10, contacts = $11, reported_by = $12,
    reported_at = clock_timestamp()
WHERE visit_id = $1
"""

# No balance is read here, nor anything that tells one: what these rows hold may be shown to anybody at the door.
_VISIT = """
SELECT visit.*, contract.contract_number, contract.name, contract.jurisdiction,
    address.kind AS address_kind, address.street, address.exterior, address.interior, address.neighbourhood,
    address.postal_code, address.city, address.state AS address_state, address.country, address.irregular_numbering,
    met.attended_by AS met, met.at AS met_at,
    (SELECT count(*) FROM photo WHERE photo.visit_id = visit.visit_id) AS photos
FROM visit
JOIN contract USING (contract_id)
JOIN address USING (contract_id, address_id)
LEFT JOIN LATERAL (
    SELECT attendance.attended_by, attendance.at FROM attendance WHERE attendance.visit_id = visit.visit_id
    ORDER BY attendance.attendance_id DESC LIMIT 1) AS met ON true
"""
_ONE = f"{_VISIT} WHERE visit.visit_id = $1 AND ($2::uuid IS NULL OR visit.agency_id = $2)"
_MANY = f"""
{_VISIT}
WHERE ($1::text IS NULL OR visit.visitor = $1) AND ($2::date IS NULL OR visit.visit_on = $2)
    AND ($3::uuid IS NULL OR visit.contract_id = $3) AND ($4::text IS NULL OR visit.state = $4)
    AND ($5::uuid IS NULL OR visit.agency_id = $5)
    AND ($6::date IS NULL OR (visit.visit_on, visit.visit_id) > ($6, $7))
ORDER BY visit.visit_on, visit.visit_id LIMIT $8
"""
_LETTER = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, {BUSINESS_DATE} AS as_of,
    portfolio.company
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.contract_id = $1
"""


async def knows(reader: Reader, contract_id: UUID, agency_id: UUID | None) -> bool:
    """Whether the contract can be spoken of, to an agency one that is placed with it for visits."""
    return bool(await reader.fetchval(_KNOWN, contract_id, agency_id))


async def lock_contract(tx: Transaction, contract_id: UUID) -> None:
    await tx.execute(_LOCK, contract_id)


async def standing(tx: Transaction, contract_id: UUID, visit_on: date) -> Row:
    """The contract's business date, and the reason to keep silent on that day."""
    row = await tx.fetchrow(_STANDING, contract_id, visit_on)
    assert row is not None
    return row


async def placement(tx: Transaction, contract_id: UUID, agency_id: UUID | None, visit_on: date) -> Row | None:
    """The active placement for visits (of this agency), preferably one that is in force on that day."""
    return await tx.fetchrow(_PLACEMENT, contract_id, agency_id, visit_on)


async def addresses(tx: Transaction, contract_id: UUID, address_id: UUID | None, kinds: Sequence[str]) -> list[Row]:
    """The contract's addresses (or that one), by kind in this order."""
    return await tx.fetch(_ADDRESSES, contract_id, address_id, kinds)


async def insert(tx: Transaction, values: Sequence[Any]) -> UUID:
    visit_id: UUID = await tx.fetchval(_INSERT, *values)
    return visit_id


async def cancel(tx: Transaction, columns: Sequence[Any]) -> list[Row]:
    return await tx.fetch(_CANCEL, *columns)


async def cancel_unfit(tx: Transaction, columns: Sequence[Any]) -> list[Row]:
    return await tx.fetch(_CANCEL_UNFIT, *columns)


async def cancel_by_hand(tx: Transaction, visit_id: UUID, detail: str) -> None:
    await tx.execute(_CANCEL_BY_HAND, visit_id, detail)


async def contract_of(reader: Reader, visit_id: UUID, agency_id: UUID | None) -> UUID | None:
    contract_id: UUID | None = await reader.fetchval(_CONTRACT_OF, visit_id, agency_id)
    return contract_id


async def attend(tx: Transaction, values: Sequence[Any]) -> None:
    await tx.execute(_ATTEND, *values)


async def balance(reader: Reader, contract_id: UUID) -> Row:
    """What is owed, as of the business date."""
    row = await reader.fetchrow(_BALANCE, contract_id)
    assert row is not None
    return row


async def end(tx: Transaction, values: Sequence[Any]) -> None:
    await tx.execute(_END, *values)


async def visit(reader: Reader, visit_id: UUID, agency_id: UUID | None = None) -> Row | None:
    return await reader.fetchrow(_ONE, visit_id, agency_id)


async def visits(reader: Reader, filters: Sequence[Any], after: tuple[date, UUID] | None, limit: int) -> list[Row]:
    """By day and id. ``filters``: visitor, day, contract, state, agency; null lets everything through."""
    return await reader.fetch(_MANY, *filters, *(after or (None, None)), limit)


async def letter(reader: Reader, contract_id: UUID) -> Row:
    """What a notification letter says beyond the visit."""
    row = await reader.fetchrow(_LETTER, contract_id)
    assert row is not None
    return row
