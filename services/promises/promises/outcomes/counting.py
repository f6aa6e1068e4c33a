"""Which payments count for which promise, without I/O: when they were made, and how much of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from recobro_events.contracts.promises import PromiseState

GRACE_DAYS = 2
"""Days after ``due_on`` on which a payment may still have been made."""

NOTHING = Decimal("0.00")


def silent_until(due_on: date) -> date:
    """The last day on which a payment for a promise may have been made, and on which the debtor is left alone."""
    return due_on + timedelta(days=GRACE_DAYS)


@dataclass(frozen=True, slots=True)
class Promise:
    """Payments made from ``made_on`` to ``silent_until``, both inclusive, count for it, up to ``amount``."""

    promise_id: UUID
    made_on: date
    due_on: date
    silent_until: date
    amount: Decimal
    paid: Decimal = NOTHING
    state: PromiseState = PromiseState.OPEN
    agreement_id: UUID | None = None
    cancellation_reason: str | None = None

    def takes(self, payment: "Payment") -> bool:
        return self.made_on <= payment.paid_on <= self.silent_until

    def cancelled(self, reason: str) -> "Promise":
        """Nothing counts for it any more: its money is free for others."""
        return replace(self, state=PromiseState.CANCELLED, paid=NOTHING, cancellation_reason=reason)


@dataclass(frozen=True, slots=True)
class Payment:
    """One that was not reversed."""

    payment_id: UUID
    paid_on: date
    amount: Decimal


def in_order(promises: Iterable[Promise]) -> list[Promise]:
    """In the order in which they take payments: what is due first is served first."""
    return sorted(promises, key=lambda promise: (promise.due_on, promise.made_on, promise.promise_id))


def count_payments(promises: Iterable[Promise], payments: Iterable[Payment]) -> dict[UUID, Decimal]:
    """How much counts for each promise. Each cent counts once, and only for a promise that it was paid in time for.

    The earliest due day is served first, from the earliest payment on: no other way would count more.
    """
    dated = sorted(payments, key=lambda payment: (payment.paid_on, payment.payment_id))
    left = [payment.amount for payment in dated]
    counted: dict[UUID, Decimal] = {}
    for promise in in_order(promises):
        paid = NOTHING
        for n, payment in enumerate(dated):
            if promise.takes(payment):
                share = min(left[n], promise.amount - paid)
                left[n] -= share
                paid += share
        counted[promise.promise_id] = paid
    return counted
