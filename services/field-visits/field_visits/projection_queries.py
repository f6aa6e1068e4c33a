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
    version = fact.version, as_of = fact.as_of, state = fact.state, stage = fact.stage,
    overdue_balance = fact.overdue_balance, total_balance = fact.total_balance, oldest_due_on = fact.oldest_due_on
FROM unnest($1::uuid[], $2::bigint[], $3::date[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::date[])
    AS fact (contract_id, version, as_of, state, stage, overdue_balance, total_balance, oldest_due_on)
WHERE contract.contract_id = fact.contract_id AND contract.version < fact.version
"""
_DETAILS = """
UPDATE contract SET
    details_version = fact.version, portfolio_id = fact.portfolio_id, debtor_id = fact.debtor_id,
    contract_number = fact.contract_number, name = fact.name, jurisdiction = fact.jurisdiction,
    currency = fact.currency
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS fact (contract_id, version, portfolio_id, debtor_id, contract_number, name, jurisdiction, currency)
WHERE contract.contract_id = fact.contract_id AND contract.details_version < fact.version
"""
_STATUSES = """
UPDATE contract SET status_version = fact.version, status = fact.status
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS fact (contract_id, version, status)
WHERE contract.contract_id = fact.contract_id AND contract.status_version < fact.version
"""
# A whole contract older than the details that are known says nothing of addresses any more.
_ADDRESSES = """
INSERT INTO address
    (contract_id, address_id, rank, kind, street, exterior, interior, neighbourhood, postal_code, city, state, country,
    authorised, irregular_numbering, issues)
SELECT fact.contract_id, fact.address_id, fact.rank, fact.kind, fact.street, fact.exterior, fact.interior,
    fact.neighbourhood, fact.postal_code, fact.city, fact.state, fact.country, fact.authorised,
    fact.irregular_numbering, fact.issues
FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::boolean[], $16::text[])
    AS fact (contract_id, details_version, address_id, rank, kind, street, exterior, interior, neighbourhood,
        postal_code, city, state, country, authorised, irregular_numbering, issues)
JOIN contract USING (contract_id)
WHERE fact.details_version = contract.details_version
ON CONFLICT (contract_id, address_id) DO UPDATE SET
    rank = excluded.rank, kind = excluded.kind, street = excluded.street, exterior = excluded.exterior,
    interior = excluded.interior, neighbourhood = excluded.neighbourhood, postal_code = excluded.postal_code,
    city = excluded.city, state = excluded.state, country = excluded.country, authorised = excluded.authorised,
    irregular_numbering = excluded.irregular_numbering, issues = excluded.issues, present = true
"""
_ABSENT_ADDRESSES = """
UPDATE address known SET present = false
FROM unnest($1::uuid[], $2::bigint[]) AS whole (contract_id, details_version)
JOIN contract USING (contract_id)
WHERE known.contract_id = whole.contract_id AND known.present
    AND whole.details_version = contract.details_version
    AND NOT EXISTS (
        SELECT FROM unnest($3::uuid[], $4::uuid[]) AS listed (contract_id, address_id)
        WHERE listed.contract_id = known.contract_id AND listed.address_id = known.address_id)
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
_PLACEMENTS = """
INSERT INTO placement AS known (contract_id, placement_id, version, agency_id, active, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::boolean[], $6::date[], $7::date[])
ON CONFLICT (contract_id, placement_id) DO UPDATE SET
    version = greatest(known.version, excluded.version),
    active = CASE WHEN known.version < excluded.version THEN excluded.active ELSE known.active END,
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
_PORTFOLIOS = """
INSERT INTO portfolio AS known (portfolio_id, version, business_date, company, timezone)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::date[], $4::text[], $5::text[]) AS fact (portfolio_id)
    ORDER BY portfolio_id
ON CONFLICT (portfolio_id) DO UPDATE SET
    version = excluded.version, business_date = excluded.business_date, company = excluded.company,
    timezone = excluded.timezone
WHERE known.version < excluded.version
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


async def save_addresses(tx: Transaction, columns: Columns) -> None:
    """After ``save_details``: the newest details that are known say where the debtor is found."""
    await tx.execute(_ADDRESSES, *columns)


async def retire_addresses(tx: Transaction, wholes: Columns, listed: Columns) -> None:
    """The newest details that are known, where they do not list an address, have it no longer."""
    await tx.execute(_ABSENT_ADDRESSES, *wholes, *listed)


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


async def save_placements(tx: Transaction, columns: Columns) -> None:
    """Dates that are null leave those that are known."""
    await tx.execute(_PLACEMENTS, *columns)


async def save_promises(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PROMISES, *columns)


async def save_portfolios(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PORTFOLIOS, *columns)


async def set_aside(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_SET_ASIDE, *columns)


async def replayed(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_REPLAYED, *columns)
