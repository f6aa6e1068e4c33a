"""What happens on a collections floor: people, payments, promises, visits and more, and the rules' numbers."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from floor.model import Contract

HOLDOFF_DAYS = 3
PROMISE_GRACE_DAYS = 2
RECALL_GRACE_DAYS = 2
LEAST_OVERDUE = Decimal("100.00")
FINAL = ("deceased", "represented")
ORDER = (
    "unknown_state",
    "paid_off",
    "closed",
    *FINAL,
    "clarification",
    "payment",
    "payment_claimed",
    "promise",
    "paused",
)
"""The first reason that holds is the one that is given. A contract that a payment settled gives the payment first."""


@dataclass
class Person:
    """A customer of the creditor. ``status`` follows the person and reaches all contracts of the person."""

    number: str
    status: str = "active"
    opted_out: set[str] = field(default_factory=set)
    """Phones at which the person does not want to be called. On a contract of another person they may be called."""
    wrong: set[str] = field(default_factory=set)
    """Phones that are not the person's."""
    reported_on: date | None = None
    """The day of a dialer's last report. On this day nobody takes anything back."""


@dataclass
class Payment:
    """``absorbed``: a file has stated the contract since, so the harness reverses the payment no more."""

    payment_id: str
    amount: Decimal
    day: date
    reversed: bool = False
    absorbed: bool = False


@dataclass
class Promise:
    promise_id: str
    amount: Decimal
    made_on: date
    due_on: date
    state: str = "open"

    @property
    def silent_until(self) -> date:
        return self.due_on + timedelta(days=PROMISE_GRACE_DAYS)


@dataclass
class Pause:
    pause_id: str
    starts_on: date
    ends_on: date


@dataclass
class Call:
    """A call, which is a call about every contract that its entry named. ``day`` is the day on which it counts."""

    call_id: str
    agency_id: UUID
    started_at: datetime
    day: date

    def __lt__(self, other: "Call") -> bool:
        mine, theirs = ((one.started_at, one.agency_id, one.call_id) for one in (self, other))
        return mine < theirs


@dataclass
class Visit:
    """``payments`` are those that cancelled the visit, or would have."""

    visit_id: str
    on: date
    state: str = "ordered"
    reason: str | None = None
    payments: set[str] = field(default_factory=set)


@dataclass
class Placement:
    agency_id: str
    starts_on: date
    state: str = "active"
    reason: str | None = None
    final_on: date | None = None
    on_request: bool = False
    waived: str | None = None
    """The reason for which the rules do not recall it again, because a person let the agency keep the contract."""


@dataclass
class Entry:
    """A contract on the day's list: it has an entry, or stands in the one of ``lead``. ``withdrawn`` is the reason.

    ``or_else``: a fact that also made the rules recall the contract may arrive after the recall, or after the change of
    stage. Then the entry leaves for that reason.
    """

    campaign: str
    lead: "Contract | None" = None
    withdrawn: str | None = None
    or_else: tuple[str, ...] = ()
    acknowledged: bool = False
    """Whether the agency has acknowledged the withdrawal."""
