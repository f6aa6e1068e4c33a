"""What is asked and told at the door: who is told the balance, what can be offered, which results can be true."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from recobro_events.contracts.field_visits import AddressVerdict, AttendedBy, VisitOutcome
from recobro_events.contracts.portfolio import DebtorStatus

from field_visits.visits.rules import State

PROMISE_WITHIN_DAYS = 30
"""Our own policy: how far ahead a promise at the door may lie."""

REPORTED = {
    VisitOutcome.DECEASED: DebtorStatus.DECEASED,
    VisitOutcome.UNLOCATABLE: DebtorStatus.UNLOCATABLE,
}
"""The outcomes that say something of the debtor for good."""

_DEBTOR, _THIRD_PARTY, _NOBODY = AttendedBy.DEBTOR, AttendedBy.THIRD_PARTY, AttendedBy.NOBODY
_MET = {
    VisitOutcome.VISITED: (_DEBTOR, _THIRD_PARTY),
    VisitOutcome.REFUSED: (_DEBTOR, _THIRD_PARTY),
    VisitOutcome.PROMISE: (_DEBTOR,),
    VisitOutcome.CLARIFICATION: (_DEBTOR, _THIRD_PARTY),
    VisitOutcome.DECEASED: (_THIRD_PARTY, _NOBODY),
    VisitOutcome.UNLOCATABLE: (_THIRD_PARTY, _NOBODY),
    VisitOutcome.NOBODY_HOME: (_NOBODY,),
}
_FAILED = frozenset({VisitOutcome.NOBODY_HOME, VisitOutcome.UNLOCATABLE})


def is_told_balance(attended_by: AttendedBy) -> bool:
    """Whether whoever attends is told what is owed: the debtor, and nobody else."""
    return attended_by is AttendedBy.DEBTOR


@dataclass(frozen=True)
class PaymentOption:
    """``pay_now``: what is overdue; ``promise``: not later than that day; ``plan``: for all that is owed."""

    kind: str
    amount: Decimal | None = None
    latest_due_on: date | None = None


def payment_options(overdue: Decimal, total: Decimal, business_date: date) -> Sequence[PaymentOption]:
    """What a debtor can be offered at the door."""
    latest = business_date + timedelta(days=PROMISE_WITHIN_DAYS)
    return (
        PaymentOption("pay_now", amount=overdue),
        PaymentOption("promise", amount=overdue, latest_due_on=latest),
        PaymentOption("plan", amount=total),
    )


def contradiction(outcome: VisitOutcome, attended_by: AttendedBy, reason: str | None) -> str | None:
    """Why these cannot all be true, in plain words; None when they can."""
    if attended_by not in _MET[outcome]:
        return f"must be {' or '.join(_MET[outcome])} when the outcome is {outcome}"
    if reason is not None and attended_by is not AttendedBy.DEBTOR:
        return "must be debtor where a reason for non-payment is given: nobody else is asked for it"
    return None


def state_after(outcome: VisitOutcome) -> State:
    """``failed`` when the visit reached nobody who knows the debtor there, else ``done``."""
    return State.FAILED if outcome in _FAILED else State.DONE


def verdict_of(outcome: VisitOutcome, given: AddressVerdict | None) -> AddressVerdict | None:
    """What the visit says of its address: the visitor's word, else ``wrong`` where nobody knew the debtor."""
    if given is None and outcome is VisitOutcome.UNLOCATABLE:
        return AddressVerdict.WRONG
    return given
