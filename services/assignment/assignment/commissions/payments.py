"""Keeps payments, whatever event carries them: their own, one of a file, or a republished whole contract.

Each function returns the payments about which something is new, each with its event. Call them before the positions of
the same events are kept, because the order of the contract's versions shows what has been overtaken.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from projections.columns import columns
from recobro_events import ContractEvent, Row, Transaction
from recobro_events.contracts.portfolio import (
    ContractWhole,
    FilePayment,
    KnownPayment,
    PaymentReapplied,
    PaymentReceived,
    PaymentReversed,
)

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
    return _news_of(await tx.fetch(queries.KEEP_CREDIT, *columns(rows, 6)), {e.payment_id: e for e in events})


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> News:
    """Keep that these payments were reversed, even those that have not arrived yet."""
    rows = ((e.payment_id, e.contract_id, e.as_of) for e in events)
    return _news_of(await tx.fetch(queries.KEEP_REVERSALS, *columns(rows, 3)), {e.payment_id: e for e in events})


async def keep_from_files(tx: Transaction, wholes: Sequence[ContractWhole]) -> News:
    """Keep the payments of channel ``file``. They count like those of banks."""
    rows = [_row_of(e, p, missed=False) for e in wholes for p in e.file_payments]
    return await _keep(tx, rows, wholes)


async def keep_missed(tx: Transaction, wholes: Sequence[ContractWhole]) -> News:
    """Keep the payments of republished contracts, for those that this service has missed."""
    rows = [
        _row_of(e, p, missed=True)
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
    return _news_of(await tx.fetch(queries.KEEP_REVERSALS, *values), dict(rows))


def _row_of(whole: ContractWhole, payment: FilePayment | KnownPayment, *, missed: bool) -> Sequence[Any]:
    return (
        payment.payment_id,
        whole.contract_id,
        whole.version,
        payment.amount,
        payment.credit,
        whole.currency,
        payment.paid_on,
        payment.business_date,
        payment.days_past_due_before,
        missed,
    )


async def _keep(tx: Transaction, rows: Sequence[Sequence[Any]], events: Sequence[ContractEvent]) -> News:
    if not rows:
        return {}
    by_contract = {event.contract_id: event for event in events}
    causes = {payment_id: by_contract[contract_id] for payment_id, contract_id, *_ in rows}
    kept = await tx.fetch(queries.KEEP, *columns(rows, 10))
    return _news_of([row for row in kept if row["is_new"]], causes)


def _news_of(rows: Iterable[Row], causes: News) -> News:
    return {row["payment_id"]: causes[row["payment_id"]] for row in rows}
