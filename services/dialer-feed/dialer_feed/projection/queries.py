"""What is known of portfolios and contracts: one statement per kind of fact, for any number of contracts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from recobro_events import Transaction

Columns = Sequence[Sequence[Any]]
"""The arrays of an ``unnest``: one sequence per column."""

_KNOW = """
INSERT INTO contract (contract_id) SELECT contract_id FROM unnest($1::uuid[]) AS contract_id ORDER BY contract_id
ON CONFLICT DO NOTHING
"""
_LOCK_CONTRACTS = """
SELECT contract_id FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE
"""
_POSITIONS = """
UPDATE contract SET
    version = fact.version, state = fact.state, stage = fact.stage,
    overdue_balance = fact.overdue_balance, oldest_due_on = fact.oldest_due_on
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::numeric[], $6::date[])
    AS fact (contract_id, version, state, stage, overdue_balance, oldest_due_on)
WHERE contract.contract_id = fact.contract_id AND contract.version < fact.version
"""
_DETAILS = """
UPDATE contract SET
    details_version = fact.version, portfolio_id = fact.portfolio_id, debtor_id = fact.debtor_id,
    contract_number = fact.contract_number, name = fact.name, jurisdiction = fact.jurisdiction, region = fact.region
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS fact (contract_id, version, portfolio_id, debtor_id, contract_number, name, jurisdiction, region)
WHERE contract.contract_id = fact.contract_id AND contract.details_version < fact.version
"""
_STATUSES = """
UPDATE contract SET status_version = fact.version, status = fact.status
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS fact (contract_id, version, status)
WHERE contract.contract_id = fact.contract_id AND contract.status_version < fact.version
"""
# A whole contract older than the details that are known says nothing of contact points any more. A point that was gone
# may come back with any version; else its own version decides, and between equal ones the later event of the contract.
_CONTACT_POINTS = """
INSERT INTO contact_point AS known
    (contract_id, contact_id, version, seen_version, rank, kind, value, timezone, usable)
SELECT fact.contract_id, fact.contact_id, fact.version, fact.seen_version, fact.rank, fact.kind, fact.value,
    fact.timezone, fact.usable
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[],
    $4::uuid[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::boolean[])
    AS fact (contract_id, seen_version, details_version, contact_id, version, rank, kind, value, timezone, usable)
JOIN contract USING (contract_id)
WHERE fact.details_version IS NULL OR fact.details_version >= contract.details_version
ON CONFLICT (contract_id, contact_id) DO UPDATE SET
    version = excluded.version, seen_version = greatest(known.seen_version, excluded.seen_version),
    rank = coalesce(excluded.rank, known.rank), kind = excluded.kind, value = excluded.value,
    timezone = excluded.timezone, usable = excluded.usable, present = true
WHERE CASE
    WHEN NOT known.present THEN known.seen_version < excluded.seen_version
    ELSE (known.version, known.seen_version) < (excluded.version, excluded.seen_version) END
"""
_ABSENT_CONTACT_POINTS = """
UPDATE contact_point known SET present = false, seen_version = whole.version
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS whole (contract_id, version, details_version)
JOIN contract USING (contract_id)
WHERE known.contract_id = whole.contract_id AND known.present AND known.seen_version < whole.version
    AND whole.details_version >= contract.details_version
    AND NOT EXISTS (
        SELECT FROM unnest($4::uuid[], $5::uuid[]) AS listed (contract_id, contact_id)
        WHERE listed.contract_id = known.contract_id AND listed.contact_id = known.contact_id)
"""
_PAUSES = """
INSERT INTO pause AS known (contract_id, pause_id, version, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::date[], $5::date[])
ON CONFLICT (contract_id, pause_id) DO UPDATE SET
    version = excluded.version, starts_on = excluded.starts_on, ends_on = excluded.ends_on
WHERE known.version < excluded.version
"""
_ABSENT_PAUSES = """
DELETE FROM pause AS known USING unnest($1::uuid[], $2::bigint[]) AS whole (contract_id, version)
WHERE known.contract_id = whole.contract_id AND known.version < whole.version
    AND NOT EXISTS (
        SELECT FROM unnest($3::uuid[], $4::uuid[]) AS listed (contract_id, pause_id)
        WHERE listed.contract_id = known.contract_id AND listed.pause_id = known.pause_id)
"""
_CLARIFICATIONS_OPENED = """
INSERT INTO clarification AS known (contract_id, clarification_id, version, silent)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
ON CONFLICT (contract_id, clarification_id) DO UPDATE SET version = excluded.version
WHERE known.version < excluded.version
"""
# What was opened before the contract's version and is not among those still silent is over, though its end was missed.
# A whole contract says so too, but not of what it may have lost in a restore: that is silent until somebody decides.
_CLARIFICATIONS_OVER = """
UPDATE clarification AS known SET silent = false
FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS fact (contract_id, version, decided)
WHERE known.contract_id = fact.contract_id AND known.silent AND known.version < fact.version
    AND (fact.decided OR known.version >> 40 = fact.version >> 40)
    AND NOT EXISTS (
        SELECT FROM unnest($4::uuid[], $5::uuid[]) AS listed (contract_id, clarification_id)
        WHERE listed.contract_id = known.contract_id AND listed.clarification_id = known.clarification_id)
"""
_CLARIFICATIONS_RESOLVED = """
INSERT INTO clarification AS known (contract_id, clarification_id, version, silent)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[])
ON CONFLICT (contract_id, clarification_id) DO UPDATE SET
    version = greatest(known.version, excluded.version), silent = known.silent AND excluded.silent
"""
_PAYMENTS = """
INSERT INTO payment (contract_id, payment_id, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
_REVERSALS = """
INSERT INTO payment (contract_id, payment_id, business_date, reversed)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::date[])
ON CONFLICT (contract_id, payment_id) DO UPDATE SET reversed = true
"""
_PORTFOLIOS = """
INSERT INTO portfolio AS known
    (portfolio_id, version, state, business_date, name, creditor_kind, jurisdiction, timezone)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS fact (portfolio_id) ORDER BY portfolio_id
ON CONFLICT (portfolio_id) DO UPDATE SET
    version = excluded.version, state = excluded.state, business_date = excluded.business_date, name = excluded.name,
    creditor_kind = excluded.creditor_kind, jurisdiction = excluded.jurisdiction, timezone = excluded.timezone
WHERE known.version < excluded.version
"""
# A recall or an end says no dates: those that are known stay. A late placement tells them, and changes nothing else.
_PLACEMENTS = """
INSERT INTO placement AS known (contract_id, placement_id, version, agency_id, kind, state, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::date[], $8::date[])
ON CONFLICT (contract_id, placement_id) DO UPDATE SET
    version = greatest(known.version, excluded.version),
    state = CASE WHEN known.version < excluded.version THEN excluded.state ELSE known.state END,
    starts_on = coalesce(excluded.starts_on, known.starts_on),
    ends_on = CASE WHEN excluded.starts_on IS NULL THEN known.ends_on ELSE excluded.ends_on END
WHERE known.version < excluded.version OR (known.starts_on IS NULL AND excluded.starts_on IS NOT NULL)
"""
_PROMISES = """
INSERT INTO promise AS known (contract_id, promise_id, version, open, silent_until)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::date[])
ON CONFLICT (contract_id, promise_id) DO UPDATE SET
    version = excluded.version, open = excluded.open, silent_until = excluded.silent_until
WHERE known.version < excluded.version
"""
_VISITS_ORDERED = """
INSERT INTO visit (contract_id, visit_id, visit_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
# One whose order was never heard of counts on the business date on which it is.
_VISITS_MADE = """
INSERT INTO visit AS known (contract_id, visit_id, visit_on, made, met_debtor)
SELECT fact.contract_id, fact.visit_id, coalesce(portfolio.business_date, (fact.started_at AT TIME ZONE 'UTC')::date),
    true, fact.met_debtor
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[])
    AS fact (contract_id, visit_id, started_at, met_debtor)
LEFT JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
ON CONFLICT (contract_id, visit_id) DO UPDATE SET made = true, met_debtor = excluded.met_debtor
"""

_SET_ASIDE = """
INSERT INTO set_aside (contract_id, service)
SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING
"""
_REPLAYED = """
DELETE FROM set_aside USING unnest($1::uuid[], $2::text[]) AS again (contract_id, service)
WHERE set_aside.contract_id = again.contract_id AND set_aside.service = again.service
"""


async def know_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    """Give contracts that were never heard of a row, so that they can be locked."""
    await tx.execute(_KNOW, contract_ids)


async def lock_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    await tx.execute(_LOCK_CONTRACTS, contract_ids)


async def save_positions(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_POSITIONS, *columns)


async def save_details(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_DETAILS, *columns)


async def save_statuses(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_STATUSES, *columns)


async def save_contact_points(tx: Transaction, columns: Columns) -> None:
    """A rank that is null leaves the one that is known."""
    await tx.execute(_CONTACT_POINTS, *columns)


async def retire_contact_points(tx: Transaction, wholes: Columns, listed: Columns) -> None:
    """A whole contract that is newer than what is known of a point, and does not list it, has it no longer."""
    await tx.execute(_ABSENT_CONTACT_POINTS, *wholes, *listed)


async def save_pauses(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PAUSES, *columns)


async def retire_pauses(tx: Transaction, wholes: Columns, listed: Columns) -> None:
    """A whole contract that is newer than a pause, and does not list it, has it no longer."""
    await tx.execute(_ABSENT_PAUSES, *wholes, *listed)


async def open_clarifications(tx: Transaction, columns: Columns) -> None:
    """One that is known, resolved or not, stays so; the newest version that called it open is kept."""
    await tx.execute(_CLARIFICATIONS_OPENED, *columns)


async def end_clarifications(tx: Transaction, facts: Columns, silent: Columns) -> None:
    """``facts``: contract, version, whether somebody has decided; ``silent``: contract, clarification."""
    await tx.execute(_CLARIFICATIONS_OVER, *facts, *silent)


async def resolve_clarifications(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_CLARIFICATIONS_RESOLVED, *columns)


async def save_payments(tx: Transaction, columns: Columns) -> None:
    """One that is known, reversed or not, stays as it is."""
    await tx.execute(_PAYMENTS, *columns)


async def reverse_payments(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_REVERSALS, *columns)


async def save_portfolios(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PORTFOLIOS, *columns)


async def save_placements(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PLACEMENTS, *columns)


async def save_promises(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PROMISES, *columns)


async def save_visits_ordered(tx: Transaction, columns: Columns) -> None:
    """One that is known, made or not, stays as it is."""
    await tx.execute(_VISITS_ORDERED, *columns)


async def save_visits_made(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_VISITS_MADE, *columns)


async def set_aside(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_SET_ASIDE, *columns)


async def replayed(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_REPLAYED, *columns)
