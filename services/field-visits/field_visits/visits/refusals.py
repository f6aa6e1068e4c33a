"""What cannot be done with a visit any more, because it has ended or was cancelled; and what has not happened yet."""

from datetime import UTC, datetime

from chassis import Conflict, FieldError, Invalid
from recobro_events import Row

from field_visits.visits import rules
from field_visits.visits.rules import State


class VisitClosed(Conflict):
    """It has had its result."""

    code = "visit-closed"


class VisitOff(Conflict):
    """It was cancelled; ``reason`` says why."""

    code = "visit-cancelled"


def refuse_cancelled(row: Row) -> None:
    """409 with the reason when the visit was called off."""
    if row["state"] == State.CANCELLED:
        raise VisitOff(f"The visit was cancelled: {row['cancel_reason']}.", extra={"reason": row["cancel_reason"]})


def refuse_ended(row: Row) -> None:
    """409 when the visit has had its result."""
    if row["outcome"] is not None:
        raise VisitClosed("The visit has ended.", extra={"outcome": row["outcome"]})


def refuse_never_begun(row: Row, at: datetime) -> None:
    """409 when the visit was called off before the visitor was at the door. What was found there is never refused."""
    begun = row["met"] is not None or row["outcome"] is not None
    if not begun and row["cancelled_at"] is not None and at > row["cancelled_at"]:
        refuse_cancelled(row)


def refuse_not_open(row: Row) -> None:
    """409 unless the visit is still to take place, or under way."""
    refuse_ended(row)
    refuse_cancelled(row)
    assert row["state"] in rules.OPEN


def refuse_future(at: datetime, pointer: str = "/at") -> None:
    """422 for what has not happened yet."""
    if rules.is_ahead(at, datetime.now(UTC)):
        mistake = FieldError(pointer, "must not lie in the future")
        raise Invalid("This has not happened yet.", code="in-the-future", errors=[mistake])
