"""The rules at the door: who may learn the balance, which payment options exist, which results are possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from recobro_events.contracts.field_visits import AddressVerdict, AttendedBy, VisitOutcome
from recobro_events.contracts.portfolio import DebtorStatus

from field_visits.visits.rules import State

PROMISE_WITHIN_DAYS = 30
"""Our own policy: how far ahead a promise at the door may lie."""

MOST_ATTENDANCES = 20
"""The most attendances of one visit."""

MOST_CONTACTS = 20
"""The most phones and e-mails that one result may bring, and all results of a contract within 24 hours."""

MOST_CONTACTS_OF_CONTRACT = 100
"""The most phones and e-mails that the visits of one contract may ever bring."""

MOST_ADDRESSES = 3
"""The most addresses that one result may bring. The portfolio keeps so many of a contract."""

REPORTED = {
    VisitOutcome.DECEASED: DebtorStatus.DECEASED,
    VisitOutcome.UNLOCATABLE: DebtorStatus.UNLOCATABLE,
}
"""The outcomes that report a status of the debtor."""

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


def may_learn_balance(attended_by: AttendedBy) -> bool:
    """Whether the person who attends may learn the balance. Only the debtor may."""
    return attended_by is AttendedBy.DEBTOR


def is_too_late_for_balance(day: date, visit_on: date) -> bool:
    """Whether an attendance on ``day`` is too late for a balance: later than a day after the visit's day."""
    return day > visit_on + timedelta(days=1)


class Breach(StrEnum):
    """A rule of contact that a visitor broke by being at the door at that time."""

    OUTSIDE_HOURS = "outside_hours"
    SILENCE = "silence"
    INCONVENIENT = "inconvenient"


def breaches(
    at: datetime,
    window: tuple[datetime, datetime] | None,
    convenient: Sequence[tuple[datetime, datetime]],
    *,
    silent: bool,
) -> list[Breach]:
    """Return the rules that an attendance at this moment broke. ``window``: the allowed hours of its day.

    ``convenient`` are their parts that the debtor has not called inconvenient.
    """
    found = [Breach.SILENCE] if silent else []
    if window is None or not window[0] <= at <= window[1]:
        found.append(Breach.OUTSIDE_HOURS)
    elif not any(opens <= at <= closes for opens, closes in convenient):
        found.append(Breach.INCONVENIENT)
    return found


@dataclass(frozen=True)
class PaymentOption:
    """``pay_now``: the overdue balance. ``promise``: the same by ``latest_due_on``. ``plan``: the total balance."""

    kind: str
    amount: Decimal | None = None
    latest_due_on: date | None = None


def payment_options(overdue: Decimal, total: Decimal, business_date: date) -> Sequence[PaymentOption]:
    """Return the payment options that a visitor can offer the debtor."""
    latest = business_date + timedelta(days=PROMISE_WITHIN_DAYS)
    return (
        PaymentOption("pay_now", amount=overdue),
        PaymentOption("promise", amount=overdue, latest_due_on=latest),
        PaymentOption("plan", amount=total),
    )


def contradiction(outcome: VisitOutcome, attended_by: AttendedBy, reason: str | None) -> str | None:
    """Return why these three contradict each other, in plain words; None when they do not."""
    if attended_by not in _MET[outcome]:
        return f"must be {' or '.join(_MET[outcome])} when the outcome is {outcome}"
    if reason is not None and attended_by is not AttendedBy.DEBTOR:
        return "must be debtor when a reason for non-payment is given, because nobody else may be asked for the reason"
    return None


def state_after(outcome: VisitOutcome) -> State:
    """Return ``failed`` when nobody was home or nobody there knew the debtor, else ``done``."""
    return State.FAILED if outcome in _FAILED else State.DONE


def verdict_of(outcome: VisitOutcome, given: AddressVerdict | None) -> AddressVerdict | None:
    """Return the visitor's verdict on the address; without one, ``wrong`` where the debtor is ``unlocatable``."""
    if given is None and outcome is VisitOutcome.UNLOCATABLE:
        return AddressVerdict.WRONG
    return given


def has_effect(is_placed: bool, ended_at: datetime | None, now: datetime, grace: timedelta) -> bool:
    """Whether an agency's findings change anything: it has the contract, or lost it no longer ago than ``grace``.

    ``ended_at`` is None when the agency never had the contract, or nobody knows since when it no longer has it.
    """
    return is_placed or (ended_at is not None and now <= ended_at + grace)
