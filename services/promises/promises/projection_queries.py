"""What is known of portfolios, contracts, payments and placements: one statement a kind of fact, for any number."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from recobro_events import Transaction

Columns = Sequence[Sequence[Any]]
"""The arrays of an ``unnest``: one sequence per column."""

_KNOW_CONTRACTS = """
INSERT INTO contract (contract_id) SELECT contract_id FROM unnest($1::uuid[]) AS contract_id ORDER BY contract_id
ON CONFLICT DO NOTHING
"""
_LOCK_CONTRACTS = "SELECT FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE"
_PORTFOLIOS = """
INSERT INTO portfolio AS known (portfolio_id, version, business_date, timezone)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::date[], $4::text[]) AS fact (portfolio_id) ORDER BY portfolio_id
ON CONFLICT (portfolio_id) DO UPDATE SET
    version = excluded.version, business_date = excluded.business_date, timezone = excluded.timezone
WHERE known.version < excluded.version
"""
_POSITIONS = """
UPDATE contract SET
    version = fact.version, state = fact.state, overdue_balance = fact.overdue_balance,
    total_balance = fact.total_balance, as_of = fact.as_of
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::numeric[], $5::numeric[], $6::date[])
    AS fact (contract_id, version, state, overdue_balance, total_balance, as_of)
WHERE contract.contract_id = fact.contract_id AND contract.version < fact.version
"""
_DETAILS = """
UPDATE contract SET
    details_version = fact.version, portfolio_id = fact.portfolio_id, contract_number = fact.contract_number,
    currency = fact.currency
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[])
    AS fact (contract_id, version, portfolio_id, contract_number, currency)
WHERE contract.contract_id = fact.contract_id AND contract.details_version < fact.version
"""
_STATUSES = """
UPDATE contract SET status_version = fact.version, status = fact.status
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS fact (contract_id, version, status)
WHERE contract.contract_id = fact.contract_id AND contract.status_version < fact.version
"""
# What the payment itself says fills in the row that its reversal left when that came first.
_PAYMENTS = """
INSERT INTO payment AS known (payment_id, contract_id, amount, paid_on, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::date[], $5::date[])
ON CONFLICT (payment_id) DO UPDATE SET
    amount = excluded.amount, paid_on = excluded.paid_on, business_date = excluded.business_date
WHERE known.paid_on IS NULL
"""
_REVERSALS = """
INSERT INTO payment (payment_id, contract_id, amount, reversed)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::numeric[])
ON CONFLICT (payment_id) DO UPDATE SET reversed = true
"""
_PLACEMENTS = """
INSERT INTO placement AS known (placement_id, version, contract_id, agency_id, kind, state)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])
ON CONFLICT (placement_id) DO UPDATE SET version = excluded.version, state = excluded.state
WHERE known.version < excluded.version
"""


async def know_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    """Give contracts that were never heard of a row, so that they can be locked."""
    await tx.execute(_KNOW_CONTRACTS, contract_ids)


async def lock_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    await tx.execute(_LOCK_CONTRACTS, contract_ids)


async def save_portfolios(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PORTFOLIOS, *columns)


async def save_positions(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_POSITIONS, *columns)


async def save_details(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_DETAILS, *columns)


async def save_statuses(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_STATUSES, *columns)


async def save_payments(tx: Transaction, columns: Columns) -> None:
    """One that is known, reversed or not, stays as it is."""
    await tx.execute(_PAYMENTS, *columns)


async def reverse_payments(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_REVERSALS, *columns)


async def save_placements(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PLACEMENTS, *columns)
