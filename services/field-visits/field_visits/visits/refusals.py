"""Refusals: the visit has ended or was cancelled, or the reported moment cannot be one of the visit."""

from datetime import UTC, datetime

from chassis import Conflict, FieldError, Invalid
from recobro_events import Row

from field_visits.visits import rules
from field_visits.visits.rules import State


class VisitClosed(Conflict):
    """The visit has a result."""

    code = "visit-closed"


class VisitWasCancelled(Conflict):
    """The visit was cancelled. ``reason`` holds the reason."""

    code = "visit-cancelled"


def refuse_cancelled(row: Row) -> None:
    """409 with the reason when the visit was cancelled."""
    if row["state"] == State.CANCELLED:
        raise VisitWasCancelled(
            f"The visit was cancelled: {row['cancel_reason']}.", extra={"reason": row["cancel_reason"]}
        )


def refuse_ended(row: Row) -> None:
    """409 when the visit has a result."""
    if row["outcome"] is not None:
        raise VisitClosed("The visit has ended.", extra={"outcome": row["outcome"]})


def refuse_never_begun(row: Row, at: datetime) -> None:
    """409 when the visit was cancelled before the visitor was at the door. A visit that had begun is not refused."""
    begun = row["met"] is not None or row["outcome"] is not None
    if not begun and row["cancelled_at"] is not None and at > row["cancelled_at"]:
        refuse_cancelled(row)


def refuse_not_open(row: Row) -> None:
    """409 when the visit has a result or was cancelled."""
    refuse_ended(row)
    refuse_cancelled(row)
    assert row["state"] in rules.OPEN


def refuse_future(at: datetime, pointer: str = "/at") -> None:
    """422 when ``at`` lies in the future."""
    if rules.is_ahead(at, datetime.now(UTC)):
        mistake = FieldError(pointer, "must not lie in the future")
        raise Invalid("The given time lies in the future.", code="in-the-future", errors=[mistake])


def refuse_too_early(row: Row, at: datetime, pointer: str = "/at") -> None:
    """422 when ``at`` lies long before the visit."""
    if rules.is_too_early(at, row["visit_on"], row["ordered_at"]):
        mistake = FieldError(
            pointer, f"must not lie more than {rules.MOST_DAYS_EARLY} days before the day of the visit and its order"
        )
        raise Invalid("The given time lies long before the visit.", code="too-early", errors=[mistake])
