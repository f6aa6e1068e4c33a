"""What dialers tell us: reports that silence, acknowledgements, calls, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

_ENTRIES_NAMED = """
SELECT entry.list_id, entry.contract_number, entry.contract_id, entry.contact_ids, contract.jurisdiction
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS asked (list_id, contract_number)) AS named
JOIN list_entry entry USING (list_id, contract_number)
JOIN contract USING (contract_id)
WHERE entry.status = 'listed' OR entry.cursor IS NOT NULL
ORDER BY entry.list_id, entry.contract_number, entry.contract_id
"""
_PHONES = """
SELECT contract_id, contact_id, value FROM contact_point WHERE contract_id = ANY ($1::uuid[]) AND kind = 'phone'
"""
_WITHDRAWN = """
SELECT entry.contract_id, entry.list_id, entry.withdrawn_at, entry.cursor
FROM unnest($1::uuid[], $2::uuid[]) AS asked (contract_id, list_id)
JOIN list_entry entry USING (contract_id, list_id)
WHERE entry.cursor IS NOT NULL
"""
_FIRST_WITHDRAWAL = """
SELECT cursor, contract_id, contract_number, reason, caused_at, withdrawn_at
FROM list_entry WHERE list_id = $1 AND contract_id = ANY ($2::uuid[]) AND cursor IS NOT NULL ORDER BY cursor LIMIT 1
"""
_SILENCE = """
INSERT INTO reported_silence (contract_id, contact_id, reason)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])
"""
_CLAIM_PAYMENTS = """
INSERT INTO payment (contract_id, business_date, claimed)
SELECT DISTINCT contract_id, greatest(list.business_date, portfolio.business_date), true
FROM unnest($1::uuid[], $2::uuid[]) AS claimed (contract_id, list_id)
JOIN dialing_list list USING (list_id)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
"""

_ACKNOWLEDGED = "SELECT cursor FROM acknowledged_up_to WHERE list_id = $1 AND dialer_id = $2"
_BETWEEN = """
SELECT contract_id, cursor, caused_at FROM list_entry
WHERE list_id = $1 AND cursor > $2 AND cursor <= $3 ORDER BY cursor
"""
_LOCK_DIALER = """
INSERT INTO acknowledged_up_to AS known (list_id, dialer_id, cursor) VALUES ($1, $2, 0)
ON CONFLICT (list_id, dialer_id) DO UPDATE SET cursor = known.cursor
RETURNING cursor
"""
_MOVE_DIALER = """
WITH moved AS (UPDATE acknowledged_up_to SET cursor = $4 WHERE list_id = $1 AND dialer_id = $2)
INSERT INTO acknowledgement (list_id, dialer_id, after_cursor, up_to_cursor, acknowledged_at)
VALUES ($1, $2, $3, $4, clock_timestamp()) RETURNING acknowledged_at
"""

_ACKNOWLEDGED_BY_THEN = """
SELECT n
FROM unnest($1::integer[], $2::uuid[], $3::bigint[], $4::timestamptz[]) AS call (n, list_id, cursor, started_at)
WHERE EXISTS (
    SELECT FROM acknowledgement known
    WHERE known.list_id = call.list_id AND known.up_to_cursor >= call.cursor
        AND known.acknowledged_at <= call.started_at)
"""
_RECORD_CALLS = """
INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
    started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then)
SELECT call.dialed_for, call.call_id, call.list_id, call.contract_id, call.contact_id, $1, call.agent,
    list.business_date, call.started_at, call.duration_seconds, call.disposition, call.right_party, call.wrongful,
    call.acknowledged
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::timestamptz[], $9::integer[],
    $10::text[], $11::boolean[], $12::boolean[], $13::boolean[])
    AS call (dialed_for, call_id, list_id, contract_id, contact_id, agent, started_at, duration_seconds, disposition,
        right_party, wrongful, acknowledged)
JOIN dialing_list list USING (list_id)
ORDER BY call.dialed_for, call.call_id
ON CONFLICT DO NOTHING
RETURNING dialed_for, call_id
"""

_REPORT = """
WITH withdrawn AS (
    SELECT cursor, caused_at, greatest(0, extract(epoch FROM withdrawn_at - caused_at))::float8 AS seconds
    FROM list_entry WHERE list_id = $1 AND cursor IS NOT NULL
), acknowledged AS (
    SELECT greatest(0, extract(epoch FROM known.acknowledged_at - withdrawn.caused_at))::float8 AS seconds
    FROM withdrawn JOIN acknowledgement known
        ON known.list_id = $1 AND withdrawn.cursor > known.after_cursor AND withdrawn.cursor <= known.up_to_cursor
), wrongful AS (
    SELECT count(*) AS calls, count(*) FILTER (WHERE acknowledged_by_then) AS acknowledged
    FROM call_result WHERE list_id = $1 AND wrongful
)
SELECT
    (SELECT count(*) FROM withdrawn) AS withdrawn,
    (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY seconds) FROM withdrawn) AS to_list,
    (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY seconds) FROM acknowledged)
        AS to_acknowledgement,
    wrongful.calls AS wrongful_calls, wrongful.acknowledged AS wrongful_calls_after_acknowledgement
FROM wrongful
"""


async def entries_named(reader: Reader, list_ids: Sequence[UUID], contract_numbers: Sequence[str]) -> list[Row]:
    """The published entries of these (list, contract number); a number may stand for contracts of two portfolios."""
    return await reader.fetch(_ENTRIES_NAMED, list_ids, contract_numbers)


async def phones_of(reader: Reader, contract_ids: Sequence[UUID]) -> dict[tuple[UUID, str], UUID]:
    """Contact points by (contract, E.164), with those that a contract no longer has."""
    return {(row["contract_id"], row["value"]): row["contact_id"] for row in await reader.fetch(_PHONES, contract_ids)}


async def withdrawn_among(
    tx: Transaction, contract_ids: Sequence[UUID], list_ids: Sequence[UUID]
) -> dict[tuple[UUID, UUID], Row]:
    """Those of these entries that have been withdrawn, by (contract, list)."""
    rows = await tx.fetch(_WITHDRAWN, contract_ids, list_ids)
    return {(row["contract_id"], row["list_id"]): row for row in rows}


async def first_withdrawal(tx: Transaction, list_id: UUID, contract_ids: Sequence[UUID]) -> Row:
    row = await tx.fetchrow(_FIRST_WITHDRAWAL, list_id, contract_ids)
    assert row is not None
    return row


async def keep_silences(tx: Transaction, rows: Sequence[tuple[UUID, UUID | None, str]]) -> None:
    if rows:
        await tx.execute(_SILENCE, *zip(*rows, strict=True))


async def keep_claimed_payments(tx: Transaction, rows: Sequence[tuple[UUID, UUID]]) -> None:
    """Start the hold-off of these (contract, list) on the business date of now."""
    if rows:
        await tx.execute(_CLAIM_PAYMENTS, *zip(*rows, strict=True))


async def acknowledged_by(reader: Reader, list_id: UUID, dialer_id: str) -> int:
    return await reader.fetchval(_ACKNOWLEDGED, list_id, dialer_id) or 0


async def withdrawals_between(reader: Reader, list_id: UUID, after: int, up_to: int) -> list[Row]:
    return await reader.fetch(_BETWEEN, list_id, after, up_to)


async def lock_dialer(tx: Transaction, list_id: UUID, dialer_id: str) -> int:
    """How far this dialer has acknowledged; until the transaction ends nobody moves it but us."""
    cursor: int = await tx.fetchval(_LOCK_DIALER, list_id, dialer_id)
    return cursor


async def move_dialer(tx: Transaction, list_id: UUID, dialer_id: str, after: int, up_to: int) -> datetime:
    moment: datetime = await tx.fetchval(_MOVE_DIALER, list_id, dialer_id, after, up_to)
    return moment


async def acknowledged_by_then(tx: Transaction, rows: Sequence[tuple[int, UUID, int, datetime]]) -> set[int]:
    """Which of these (n, list, cursor, moment) some dialer had acknowledged by that moment."""
    if not rows:
        return set()
    return {row["n"] for row in await tx.fetch(_ACKNOWLEDGED_BY_THEN, *zip(*rows, strict=True))}


async def record_calls(tx: Transaction, dialer_id: str, rows: Sequence[tuple[Any, ...]]) -> set[tuple[UUID, str]]:
    """Record these calls; (dialed_for, call_id) of those that were new."""
    new = await tx.fetch(_RECORD_CALLS, dialer_id, *zip(*rows, strict=True))
    return {(row["dialed_for"], row["call_id"]) for row in new}


async def report(reader: Reader, list_id: UUID) -> Row:
    row = await reader.fetchrow(_REPORT, list_id)
    assert row is not None
    return row
