"""What is known of portfolios and contracts: one statement per kind of fact, for any number of contracts."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from recobro_events import Row, Transaction, sorted_unique

Columns = Sequence[Sequence[Any]]
"""The arrays of an ``unnest``: one sequence per column."""

_KNOW = """
INSERT INTO contract (contract_id) SELECT contract_id FROM unnest($1::uuid[]) AS contract_id ORDER BY contract_id
ON CONFLICT DO NOTHING
"""
_LOCK_CONTRACTS = """
SELECT contract_id FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE
"""
_LOCK_PORTFOLIOS = """
SELECT portfolio_id FROM portfolio WHERE portfolio_id = ANY ($1::uuid[]) ORDER BY portfolio_id FOR UPDATE
"""
_DUE = """
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
_POSITIONS = """
UPDATE contract SET
    version = fact.version, as_of = fact.as_of, state = fact.state, stage = fact.stage,
    days_past_due = fact.days_past_due, overdue_balance = fact.overdue_balance, total_balance = fact.total_balance
FROM unnest($1::uuid[], $2::bigint[], $3::date[], $4::text[], $5::text[], $6::integer[], $7::numeric[], $8::numeric[])
    AS fact (contract_id, version, as_of, state, stage, days_past_due, overdue_balance, total_balance)
WHERE contract.contract_id = fact.contract_id AND contract.version < fact.version
"""
_DETAILS = """
UPDATE contract SET
    details_version = fact.version, portfolio_id = fact.portfolio_id, contract_number = fact.contract_number,
    currency = fact.currency, product = fact.product, segment = fact.segment, region = fact.region
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS fact (contract_id, version, portfolio_id, contract_number, currency, product, segment, region)
WHERE contract.contract_id = fact.contract_id AND contract.details_version < fact.version
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
_PORTFOLIOS = """
INSERT INTO portfolio AS known (portfolio_id, version, state, business_date, name, timezone)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::date[], $5::text[], $6::text[])
    AS fact (portfolio_id) ORDER BY portfolio_id
ON CONFLICT (portfolio_id) DO UPDATE SET
    version = excluded.version, state = excluded.state, business_date = excluded.business_date, name = excluded.name,
    timezone = excluded.timezone
WHERE known.version < excluded.version
"""


async def know_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    """Give contracts that were never heard of a row, so that they can be locked."""
    await tx.execute(_KNOW, contract_ids)


async def lock_contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    """Lock contracts in the order of their ids: whoever changes a placement or publishes about one holds its row."""
    await tx.execute(_LOCK_CONTRACTS, contract_ids)


async def lock_portfolios(tx: Transaction, portfolio_ids: Sequence[UUID]) -> None:
    await tx.execute(_LOCK_PORTFOLIOS, portfolio_ids)


async def due_contracts(tx: Transaction, days: Mapping[UUID, date], limit: int) -> list[Row]:
    """Contracts of these portfolios with a placement whose grace or term is over on the portfolio's new day."""
    portfolio_ids = sorted_unique(days)
    return await tx.fetch(_DUE, portfolio_ids, [days[portfolio_id] for portfolio_id in portfolio_ids], limit)


async def save_positions(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_POSITIONS, *columns)


async def save_details(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_DETAILS, *columns)


async def open_clarifications(tx: Transaction, columns: Columns) -> None:
    """One that is known, resolved or not, stays so; the newest version that called it open is kept."""
    await tx.execute(_CLARIFICATIONS_OPENED, *columns)


async def end_clarifications(tx: Transaction, facts: Columns, silent: Columns) -> None:
    """``facts``: contract, version, whether somebody has decided; ``silent``: contract, clarification."""
    await tx.execute(_CLARIFICATIONS_OVER, *facts, *silent)


async def resolve_clarifications(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_CLARIFICATIONS_RESOLVED, *columns)


async def save_portfolios(tx: Transaction, columns: Columns) -> None:
    await tx.execute(_PORTFOLIOS, *columns)
