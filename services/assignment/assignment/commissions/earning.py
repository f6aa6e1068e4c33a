"""Agencies earn commissions from payments. The reversal of a payment takes its commissions back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.assignment import CommissionEarned, CommissionEvent, CommissionReversed
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed

from assignment.causes import cause_made_of, cause_of
from assignment.commissions import queries
from assignment.commissions.rules import base_of


async def earn(tx: Transaction, payments: Sequence[PaymentReceived]) -> None:
    """Store and publish the commissions of these payments.

    A placement earns if it is in force on the payment's business date and one of its fees covers the age of the debt.
    """
    earned = await tx.fetch(queries.EARN, *zip(*map(_paid, payments), strict=True))
    _publish(tx, CommissionEarned, earned, payments)


def _paid(payment: PaymentReceived) -> tuple[Any, ...]:
    return (
        payment.contract_id,
        payment.payment_id,
        payment.as_of,
        payment.days_past_due_before,
        base_of(payment),
        payment.currency,
    )


async def record_overtaking(tx: Transaction, payments: Sequence[PaymentReceived]) -> None:
    """Store those of these payments that overtook an earlier event of their contract.

    There is no order between topics. The event by which a contract is placed, such as a file's or a change of stage,
    may arrive after the payment. Call this before the positions of these events are kept.
    """
    rows = [(*_paid(payment), payment.event_id, payment.version) for payment in payments]
    await tx.execute(queries.RECORD_OVERTAKING, *zip(*rows, strict=True))


async def earn_overtaking(tx: Transaction, contract_ids: Sequence[UUID]) -> None:
    """Store and publish the commissions of payments that arrived before the placement but happened after it.

    Call this after these contracts have been placed.
    """
    earned = await tx.fetch(queries.EARN_OVERTAKING, contract_ids)
    if not earned:
        return
    payments = await tx.fetch(queries.OVERTAKING, [row["payment_id"] for row in earned])
    event_ids = {row["payment_id"]: row["event_id"] for row in payments}
    for row in sorted(earned, key=lambda row: (row["contract_id"], row["payment_id"], row["placement_id"])):
        cause = cause_made_of(event_ids[row["payment_id"]], PaymentReceived.type, row["placement_id"])
        tx.publish(CommissionEarned(**{name: row[name] for name in CommissionEarned.model_fields}), cause=cause)


async def reverse(tx: Transaction, reversals: Sequence[PaymentReversed]) -> None:
    """Take back the commissions of the reversed payments. A payment that arrives after its reversal earns nothing."""
    columns = list(zip(*((r.payment_id, r.contract_id, r.as_of) for r in reversals), strict=True))
    await tx.execute(queries.RECORD_REVERSALS, *columns)
    taken_back = await tx.fetch(queries.REVERSE, *columns)
    _publish(tx, CommissionReversed, taken_back, reversals)


def _publish(
    tx: Transaction,
    event_type: type[CommissionEvent],
    rows: Sequence[Row],
    causes: Sequence[PaymentReceived | PaymentReversed],
) -> None:
    by_contract = {cause.contract_id: cause for cause in causes}
    for row in sorted(rows, key=lambda row: (row["contract_id"], row["placement_id"])):
        event = event_type(**{name: row[name] for name in event_type.model_fields})
        received = by_contract[event.contract_id]
        tx.publish(event, cause=cause_of(received, event.placement_id), follows=received)
