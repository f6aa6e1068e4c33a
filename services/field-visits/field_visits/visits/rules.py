"""The states of a visit, the days, kinds of address and numbers that limit an order, and when a report can be from."""

from datetime import date, datetime, timedelta
from enum import StrEnum

MOST_DAYS_AHEAD = 60
"""Our own policy: how far ahead a visit may be ordered."""

MOST_OPEN_VISITS = 10
"""Our own policy: how many visits of one contract may be open at once, each on a day of its own."""

MOST_ORDERS_IN_A_DAY = 20
"""Our own policy: how many visits of one contract may be ordered within 24 hours, whatever becomes of them."""

MOST_DAYS_EARLY = 31
"""How long before its order, or before its day, a visit may have been made."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clock of a visitor's phone may be ahead of ours."""

STEP_FORBIDS = "The step of the ladder at which the contract stands allows no visits."
INCONVENIENT = "The debtor has called a visit on this day, or there, inconvenient."

ADDRESS_KINDS = ("personal", "fiscal", "commercial", "legal")
"""The order in which an address is chosen when the request names none. The debtor's home comes first."""


class State(StrEnum):
    """The state of a visit."""

    ORDERED = "ordered"
    ROUTED = "routed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (State.ORDERED, State.ROUTED)


def day_refused(visit_on: date, business_date: date) -> str | None:
    """Return why no visit can be ordered for that day; None when one can."""
    latest = business_date + timedelta(days=MOST_DAYS_AHEAD)
    if business_date <= visit_on <= latest:
        return None
    return f"must lie between the business date {business_date} and {latest}"


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether ``at`` lies in the future by more than the clock tolerance."""
    return at > now + CLOCK_TOLERANCE


def is_too_early(at: datetime, visit_on: date, ordered_at: datetime) -> bool:
    """Whether ``at`` lies too long before the visit's day and its order to be a moment of this visit."""
    return at.date() < min(visit_on, ordered_at.date()) - timedelta(days=MOST_DAYS_EARLY)
