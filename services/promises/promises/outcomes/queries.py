"""Reading what decides about promises, and writing what was decided, for any number of contracts."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from recobro_events import Row, Transaction

_PROMISES = """
SELECT promise_id, contract_id, made_on, due_on, silent_until, amount, paid, state, agreement_id, version, currency
FROM promise WHERE contract_id = ANY ($1::uuid[]) AND state <> 'cancelled'
"""
_PAYMENTS = """
SELECT payment.contract_id, payment_id, paid_on, amount
FROM unnest($1::uuid[], $2::date[]) AS since (contract_id, day)
JOIN payment ON payment.contract_id = since.contract_id AND paid_on >= since.day
WHERE NOT reversed
"""
_AGREEMENTS = "SELECT agreement_id, contract_id, state, version FROM agreement WHERE contract_id = ANY ($1::uuid[])"
# The day to judge on: of what is known of the business date, and of checks, the latest. None of them moves back.
_CONTRACTS = """
SELECT contract_id, state, status, greatest(as_of, business_date, checked_to) AS day
FROM contract LEFT JOIN portfolio USING (portfolio_id)
WHERE contract_id = ANY ($1::uuid[])
"""
_SAVE_PROMISES = """
UPDATE promise SET state = judged.state, paid = judged.paid, version = judged.version,
    cancellation_reason = judged.cancellation_reason
FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::bigint[], $5::text[])
    AS judged (promise_id, state, paid, version, cancellation_reason)
WHERE promise.promise_id = judged.promise_id
"""
_SAVE_AGREEMENTS = """
UPDATE agreement SET state = judged.state, version = judged.version,
    cancellation_reason = coalesce(judged.cancellation_reason, agreement.cancellation_reason)
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[])
    AS judged (agreement_id, state, version, cancellation_reason)
WHERE agreement.agreement_id = judged.agreement_id
"""


async def promises(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    """All that were not cancelled: what was kept long ago still holds on to its money."""
    return await tx.fetch(_PROMISES, contract_ids)


async def payments(tx: Transaction, since: Sequence[tuple[UUID, date]]) -> list[Row]:
    """The payments of each contract made since a day that were not reversed."""
    return await tx.fetch(_PAYMENTS, [one for one, _ in since], [day for _, day in since])


async def agreements(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    return await tx.fetch(_AGREEMENTS, contract_ids)


async def contracts(tx: Transaction, contract_ids: Sequence[UUID]) -> list[Row]:
    return await tx.fetch(_CONTRACTS, contract_ids)


async def save_promises(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    await tx.execute(_SAVE_PROMISES, *zip(*rows, strict=True))


async def save_agreements(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    await tx.execute(_SAVE_AGREEMENTS, *zip(*rows, strict=True))
