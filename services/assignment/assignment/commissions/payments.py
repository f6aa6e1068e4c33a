"""Keeps payments, however they are told: by their own events, by files, or by republished whole contracts.

Each function returns the payments about which something is new, with the event that told it. Call them before the
positions of the same events are kept, because the order of the contract's versions tells what has been overtaken.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from projections.columns import columns
from recobro_events import ContractEvent, Row, Transaction
from recobro_events.contracts.portfolio import ContractWhole, PaymentReapplied, PaymentReceived, PaymentReversed

from assignment.commissions import queries

News = Mapping[UUID, ContractEvent]


async def keep(tx: Transaction, events: Sequence[PaymentReceived]) -> News:
    rows = [
        (
            e.payment_id,
            e.contract_id,
            e.version,
            e.amount,
            e.credit,
            e.currency,
            e.paid_on,
            e.as_of,
            e.days_past_due_before,
            False,
        )
        for e in events
    ]
    return await _keep(tx, rows, events)


async def keep_credits(tx: Transaction, events: Sequence[PaymentReapplied]) -> News:
    """Keep how much of each payment exceeds the debt now. The newest version counts, whatever arrives first."""
    rows = ((e.payment_id, e.contract_id, e.version, e.amount, e.credit, e.currency) for e in events)
    return _told(await tx.fetch(queries.KEEP_CREDIT, *columns(rows, 6)), {e.payment_id: e for e in events})


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> News:
    """Keep that these payments were reversed, even those that have not arrived yet."""
    rows = ((e.payment_id, e.contract_id, e.as_of) for e in events)
    return _told(await tx.fetch(queries.KEEP_REVERSALS, *columns(rows, 3)), {e.payment_id: e for e in events})


async def keep_from_files(tx: Transaction, wholes: Sequence[ContractWhole]) -> News:
    """Keep the payments that files have told. They count like those of banks."""
    rows = [
        (
            p.payment_id,
            e.contract_id,
            e.version,
            p.amount,
            p.credit,
            e.currency,
            p.paid_on,
            p.business_date,
            p.days_past_due_before,
            False,
        )
        for e in wholes
        for p in e.file_payments
    ]
    return await _keep(tx, rows, wholes)


async def keep_missed(tx: Transaction, wholes: Sequence[ContractWhole]) -> News:
    """Keep the payments of republished contracts, for those that this service has missed."""
    rows = [
        (
            p.payment_id,
            e.contract_id,
            e.version,
            p.amount,
            p.credit,
            e.currency,
            p.paid_on,
            p.business_date,
            p.days_past_due_before,
            True,
        )
        for e in wholes
        for p in e.payments
        if p.credit is not None and p.days_past_due_before is not None
    ]
    return await _keep(tx, rows, wholes)


async def keep_missed_reversals(tx: Transaction, wholes: Sequence[ContractWhole]) -> News:
    rows = [(p.payment_id, e) for e in wholes for p in e.payments if p.reversed]
    if not rows:
        return {}
    values = columns(((payment_id, e.contract_id, e.as_of) for payment_id, e in rows), 3)
    return _told(await tx.fetch(queries.KEEP_REVERSALS, *values), dict(rows))


async def _keep(tx: Transaction, rows: Sequence[Sequence[Any]], events: Sequence[ContractEvent]) -> News:
    if not rows:
        return {}
    by_contract = {event.contract_id: event for event in events}
    causes = {payment_id: by_contract[contract_id] for payment_id, contract_id, *_ in rows}
    told = await tx.fetch(queries.KEEP, *columns(rows, 10))
    return _told([row for row in told if row["is_new"]], causes)


def _told(rows: Iterable[Row], causes: News) -> News:
    return {row["payment_id"]: causes[row["payment_id"]] for row in rows}
