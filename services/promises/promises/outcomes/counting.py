"""Which payments count for which promise, and with which amount. No I/O."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from jurisdictions import Profile, is_holiday
from recobro_events.contracts.promises import PromiseState

GRACE_DAYS = 2
"""A payment made up to this many days after ``due_on`` still counts for the promise."""

NOTHING = Decimal("0.00")
_SATURDAY = 5


def silent_until(due_on: date, calendar: Profile | None = None) -> date:
    """Return the last day on which a payment counts for a promise. The debtor is not contacted up to this day.

    With the ``calendar`` of a jurisdiction the days of grace are business days: no weekends and no holidays.
    """
    if calendar is None:
        return due_on + timedelta(days=GRACE_DAYS)
    day, left = due_on, GRACE_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY and not is_holiday(calendar, day)
    return day


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise. Payments made from ``made_on`` to ``silent_until``, both inclusive, count for it, up to ``amount``.

    It is kept if at most ``tolerance`` is missing. ``paid_before`` are payments that do not count for it: they were off
    the balance already on which its agreement was reached.
    """

    promise_id: UUID
    made_on: date
    due_on: date
    silent_until: date
    amount: Decimal
    paid: Decimal = NOTHING
    state: PromiseState = PromiseState.OPEN
    agreement_id: UUID | None = None
    cancellation_reason: str | None = None
    tolerance: Decimal = NOTHING
    paid_before: Set[UUID] = frozenset()

    def takes(self, payment: "Payment") -> bool:
        return self.made_on <= payment.paid_on <= self.silent_until and payment.payment_id not in self.paid_before

    def cancelled(self, reason: str) -> "Promise":
        """Return the promise as cancelled. No payment counts for it; its payments may count for other promises."""
        return replace(self, state=PromiseState.CANCELLED, paid=NOTHING, cancellation_reason=reason)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that was not reversed."""

    payment_id: UUID
    paid_on: date
    amount: Decimal


def in_order(promises: Iterable[Promise]) -> list[Promise]:
    """Sort promises in the order in which payments count for them: the earliest due day first."""
    return sorted(promises, key=lambda promise: (promise.due_on, promise.made_on, promise.promise_id))


def count_payments(promises: Iterable[Promise], payments: Iterable[Payment]) -> dict[UUID, Decimal]:
    """Return how much counts for each promise. Each cent counts once, and only for a promise that it was in time for.

    The promise with the earliest due day takes first, from the earliest payment on. No other order would count more.
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
