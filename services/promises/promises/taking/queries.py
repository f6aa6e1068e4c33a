"""Contracts that promises are made on, and promises and agreements as they are written and read.

An agency sees its own; ``agency_id`` null sees everything.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Reader
from recobro_events import Row, Transaction

_CONTRACT = """
SELECT contract.contract_id, contract.portfolio_id, contract.state, contract.status, contract.total_balance,
    contract.currency, greatest(contract.as_of, portfolio.business_date) AS business_date,
    greatest(contract.as_of, portfolio.business_date, portfolio.checked_to) AS day
FROM contract LEFT JOIN portfolio USING (portfolio_id)
WHERE contract.contract_id = $1 AND contract.portfolio_id IS NOT NULL
    AND ($2::uuid IS NULL OR EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = contract.contract_id AND placement.agency_id = $2 AND placement.state = 'active'))
"""
_LOCK_CONTRACT = "SELECT FROM contract WHERE contract_id = $1 FOR UPDATE"
_OPEN_DAYS = """
SELECT due_on FROM promise WHERE contract_id = $1 AND state = 'open' AND due_on = ANY ($2::date[])
ORDER BY due_on LIMIT 1
"""
_HAS_OPEN_PLAN = "SELECT EXISTS (SELECT FROM agreement WHERE contract_id = $1 AND state = 'open')"
_MAKE_PROMISES = """
INSERT INTO promise
    (contract_id, portfolio_id, agreement_id, agency_id, currency, made_on, made_in, due_on, silent_until, amount)
SELECT $1, $2, $3, $4, $5, $6, $7, due_on, silent_until, amount
FROM unnest($8::date[], $9::date[], $10::numeric[]) AS asked (due_on, silent_until, amount) ORDER BY due_on
RETURNING *
"""
_MAKE_AGREEMENT = """
INSERT INTO agreement (contract_id, kind, currency, total, settles_in_full, made_on, made_in, agency_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING agreement_id, version
"""
_CANCEL_AGREEMENT = """
UPDATE agreement SET state = 'cancelled', version = version + 1, cancellation_reason = $2 WHERE agreement_id = $1
"""
_ONE_PROMISE = "SELECT * FROM promise WHERE promise_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"
_PROMISES = """
SELECT * FROM promise
WHERE ($1::uuid IS NULL OR contract_id = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::uuid IS NULL OR promise_id > $3) AND ($4::uuid IS NULL OR agency_id = $4)
ORDER BY promise_id LIMIT $5
"""
_ONE_AGREEMENT = "SELECT * FROM agreement WHERE agreement_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"
_AGREEMENTS = """
SELECT * FROM agreement
WHERE ($1::uuid IS NULL OR contract_id = $1) AND ($2::uuid IS NULL OR agreement_id > $2)
    AND ($3::uuid IS NULL OR agency_id = $3)
ORDER BY agreement_id LIMIT $4
"""
_INSTALMENTS = """
SELECT agreement_id, promise_id, due_on, amount, paid, state
FROM promise WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, due_on
"""


async def contract(reader: Reader, contract_id: UUID, agency_id: UUID | None) -> Row | None:
    """A contract whose position and details are known, and which is placed with the agency, where one asks."""
    return await reader.fetchrow(_CONTRACT, contract_id, agency_id)


async def lock_contract(tx: Transaction, contract_id: UUID) -> None:
    await tx.execute(_LOCK_CONTRACT, contract_id)


async def first_open_day(tx: Transaction, contract_id: UUID, days: Sequence[date]) -> date | None:
    """The first of these days on which an open promise of the contract is due."""
    day: date | None = await tx.fetchval(_OPEN_DAYS, contract_id, days)
    return day


async def has_open_plan(tx: Transaction, contract_id: UUID) -> bool:
    return bool(await tx.fetchval(_HAS_OPEN_PLAN, contract_id))


async def make_promises(tx: Transaction, common: Sequence[Any], schedule: Sequence[Sequence[Any]]) -> list[Row]:
    """The promises that were written, by ``due_on``."""
    rows = await tx.fetch(_MAKE_PROMISES, *common, *schedule)
    return sorted(rows, key=lambda row: row["due_on"])


async def make_agreement(tx: Transaction, values: Sequence[Any]) -> Row:
    row = await tx.fetchrow(_MAKE_AGREEMENT, *values)
    assert row is not None
    return row


async def cancel_agreement(tx: Transaction, agreement_id: UUID, reason: str) -> None:
    await tx.execute(_CANCEL_AGREEMENT, agreement_id, reason)


async def promise(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Row | None:
    return await reader.fetchrow(_ONE_PROMISE, promise_id, agency_id)


async def promises(
    reader: Reader, contract_id: UUID | None, state: str | None, after: UUID | None, agency_id: UUID | None, limit: int
) -> list[Row]:
    """In the order in which they were made."""
    return await reader.fetch(_PROMISES, contract_id, state, after, agency_id, limit)


async def agreement(reader: Reader, agreement_id: UUID, agency_id: UUID | None) -> Row | None:
    return await reader.fetchrow(_ONE_AGREEMENT, agreement_id, agency_id)


async def agreements(
    reader: Reader, contract_id: UUID | None, after: UUID | None, agency_id: UUID | None, limit: int
) -> list[Row]:
    """In the order in which they were reached."""
    return await reader.fetch(_AGREEMENTS, contract_id, after, agency_id, limit)


async def instalments(reader: Reader, agreement_ids: Sequence[UUID]) -> list[Row]:
    """By agreement and due day."""
    return await reader.fetch(_INSTALMENTS, agreement_ids)
