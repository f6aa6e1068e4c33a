"""What field-visits decides, without I/O. Who may be visited is decided in SQL, by ``eligibility``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from recobro_events.contracts.field_visits import AddressVerdict, AttendedBy, VisitOutcome

MOST_DAYS_AHEAD = 60
PROMISE_WITHIN_DAYS = 30
"""Our own policy: how far ahead a visit may be ordered, and a promise at the door may lie."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clock of a visitor's phone may be ahead of ours."""

ADDRESS_KINDS = ("personal", "fiscal", "commercial", "legal")
"""In the order in which an address is chosen where the order names none: first where the debtor lives."""

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
# Where letters are printed on the North American size; everywhere else on A4.
_LETTER_COUNTRIES = frozenset({"CA", "CL", "CO", "CR", "DO", "GT", "HN", "MX", "NI", "PA", "PR", "SV", "US", "VE"})
_LONGEST_WORD = 16


class State(StrEnum):
    """Of a visit."""

    ORDERED = "ordered"
    ROUTED = "routed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (State.ORDERED, State.ROUTED)


def state_after(outcome: VisitOutcome) -> State:
    """``failed`` when the visit reached nobody who knows the debtor there, else ``done``."""
    return State.FAILED if outcome in _FAILED else State.DONE


def contradiction(outcome: VisitOutcome, attended_by: AttendedBy, reason: str | None) -> str | None:
    """Why these cannot all be true, in plain words; None when they can."""
    if attended_by not in _MET[outcome]:
        return f"must be {' or '.join(_MET[outcome])} when the outcome is {outcome}"
    if reason is not None and attended_by is not AttendedBy.DEBTOR:
        return "must be debtor where a reason for non-payment is given: nobody else is asked for it"
    return None


def verdict_of(outcome: VisitOutcome, given: AddressVerdict | None) -> AddressVerdict | None:
    """What the visit says of its address: the visitor's word, else ``wrong`` where nobody knew the debtor."""
    if given is None and outcome is VisitOutcome.UNLOCATABLE:
        return AddressVerdict.WRONG
    return given


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether ``at`` lies in the future, by more than clocks differ."""
    return at > now + CLOCK_TOLERANCE


def day_refused(visit_on: date, business_date: date) -> str | None:
    """Why no visit can be ordered for that day; None when one can."""
    latest = business_date + timedelta(days=MOST_DAYS_AHEAD)
    if business_date <= visit_on <= latest:
        return None
    return f"must lie between the business date {business_date} and {latest}"


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


def paper(jurisdiction: str) -> str:
    """The size of paper that is used there, by typst's name."""
    return "us-letter" if jurisdiction in _LETTER_COUNTRIES else "a4"


def long_date(day: date) -> str:
    """``23 de noviembre de 2026``"""
    return format_date(day, "long", locale="es_MX")


def money(amount: Decimal, currency: str, jurisdiction: str) -> str:
    """``1,234.50 MXN``, with the separators of Spanish there."""
    locale = f"es_{jurisdiction}" if jurisdiction in _LETTER_COUNTRIES else "es"
    return f"{format_decimal(amount, '#,##0.00', locale=locale)} {currency}"


def country_name(code: str) -> str:
    """``México`` for ``MX``; what is no code stays as it is."""
    name: str = Locale("es").territories.get(code, code)
    return name


def address_lines(address: Mapping[str, Any], jurisdiction: str) -> list[str]:
    """An address as it stands on an envelope; parts that are missing, and the sender's own country, leave no trace."""
    inside = f"Int. {address['interior']}" if address["interior"] else None
    place = ", ".join(part for part in (address["city"], address["state"]) if part)
    country = address["country"]
    code = f"C.P. {address['postal_code']}" if address["postal_code"] else None
    lines = (
        _joined(" ", address["street"], address["exterior"], inside),
        f"Col. {address['neighbourhood']}" if address["neighbourhood"] else "",
        _joined(" ", code, place),
        country_name(country) if country and country != jurisdiction else "",
    )
    return [line for line in lines if line]


def _joined(separator: str, *parts: str | None) -> str:
    return separator.join(part for part in parts if part)


def breakable(text: str) -> str:
    """``text`` with places to break inside its very long words, so that none runs over the edge of a box."""
    return " ".join(
        "\u200b".join(word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)) or word
        for word in text.split(" ")
    )
