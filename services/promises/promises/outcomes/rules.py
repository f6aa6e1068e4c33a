"""What promises decides, without I/O: which payment counts for which promise, how promises and plans end.

All that is decided about a contract follows from its promises, its payments and the day. Only two things are final
whatever comes later: a promise that was cancelled, and a plan that was broken or cancelled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import PromiseState

GRACE_DAYS = 2
"""Days after ``due_on`` on which a payment may still have been made."""

MAX_DAYS_AHEAD = 366
MIN_INSTALMENTS = 2
MAX_INSTALMENTS = 60

PLAN_BROKEN = "plan_broken"
PLAN_CANCELLED = "plan_cancelled"
CONTRACT_CLOSED = "contract_closed"
DEBTOR_DECEASED = "debtor_deceased"

NOTHING = Decimal("0.00")
_LOST = frozenset({PromiseState.BROKEN, PromiseState.PARTLY_KEPT})
_CLOSED_UNPAID = frozenset({ContractState.RETURNED, ContractState.WITHDRAWN, ContractState.WRITTEN_OFF})


class AgreementState(StrEnum):
    """``open ⇄ fulfilled → broken | cancelled``, ``open → broken | cancelled``; the last two are final."""

    OPEN = "open"
    FULFILLED = "fulfilled"
    BROKEN = "broken"
    CANCELLED = "cancelled"


_FINAL = {AgreementState.BROKEN: PLAN_BROKEN, AgreementState.CANCELLED: PLAN_CANCELLED}


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


@dataclass(frozen=True, slots=True)
class Case:
    """All that decides about one contract's promises on ``day``.

    ``promises`` are those not cancelled before; ``ended``: why none of them may stay open, if so; ``cancel``: promises
    to cancel now, with the reason of each.
    """

    day: date
    promises: Sequence[Promise]
    payments: Sequence[Payment] = ()
    agreements: Mapping[UUID, AgreementState] = field(default_factory=dict)
    ended: str | None = None
    cancel: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every promise of the case in the order in which payments are counted, and every agreement."""

    promises: Sequence[Promise]
    agreements: Mapping[UUID, AgreementState]


def silent_until(due_on: date) -> date:
    """The last day on which a payment for a promise may have been made, and on which the debtor is left alone."""
    return due_on + timedelta(days=GRACE_DAYS)


def why_ended(state: ContractState | None, status: DebtorStatus) -> str | None:
    """Why no promise of a contract may stay open; None where one may. A settled contract has been paid."""
    if status is DebtorStatus.DECEASED:
        return DEBTOR_DECEASED
    return CONTRACT_CLOSED if state in _CLOSED_UNPAID else None


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


def state_on(day: date, promise: Promise, paid: Decimal) -> PromiseState:
    """What a promise is on a day when ``paid`` counts for it."""
    if paid >= promise.amount:
        return PromiseState.KEPT
    if day <= promise.silent_until:
        return PromiseState.OPEN
    return PromiseState.PARTLY_KEPT if paid > 0 else PromiseState.BROKEN


def agreement_state(now: AgreementState, instalments: Sequence[Promise], ended: str | None) -> AgreementState:
    """What its instalments make of it. Broken and cancelled are final, fulfilled is not: a payment may bounce."""
    states = {instalment.state for instalment in instalments}
    if now in _FINAL:
        return now
    if states & _LOST:
        return AgreementState.BROKEN
    if PromiseState.OPEN not in states:
        return AgreementState.FULFILLED
    return AgreementState.CANCELLED if ended else AgreementState.OPEN


def judge(case: Case) -> Outcome:
    """What every promise and agreement of a contract is on the day.

    Whatever is cancelled gives its money back to the others, so they are judged again until nothing else falls.
    """
    agreements = dict(case.agreements)
    live = list(case.promises)
    gone: list[Promise] = []
    reasons = dict(case.cancel)
    while True:
        gone += [promise.cancelled(reasons[promise.promise_id]) for promise in live if promise.promise_id in reasons]
        live = [promise for promise in live if promise.promise_id not in reasons]
        counted = count_payments(live, case.payments)
        live = [_judged(promise, counted[promise.promise_id], case.day) for promise in live]
        for agreement_id, now in agreements.items():
            instalments = [promise for promise in live if promise.agreement_id == agreement_id]
            agreements[agreement_id] = agreement_state(now, instalments, case.ended)
        reasons = {
            promise.promise_id: reason
            for promise in live
            if promise.state is PromiseState.OPEN
            and (reason := case.ended or _reason_of_plan(agreements, promise.agreement_id))
        }
        if not reasons:
            return Outcome(in_order([*live, *gone]), agreements)


def _judged(promise: Promise, paid: Decimal, day: date) -> Promise:
    return replace(promise, paid=paid, state=state_on(day, promise, paid))


def _reason_of_plan(agreements: Mapping[UUID, AgreementState], agreement_id: UUID | None) -> str | None:
    return _FINAL.get(agreements[agreement_id]) if agreement_id is not None else None
