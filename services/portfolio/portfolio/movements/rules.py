"""The words of insight: the bands of days past due, and what happens to a stage in a period."""

from enum import StrEnum

AGES = (0, 1, 31, 61, 91, 121, 181, 361)
"""The first day of each band of days past due: the buckets of 30 days up to 120 of the trade, then half years."""


class Place(StrEnum):
    """Where a contract comes from or goes to: a stage, or not yet or no longer open."""

    NEW = "new"
    CURRENT = "current"
    EARLY = "early"
    LATE = "late"
    LEGAL = "legal"
    SETTLED = "settled"
    CLOSED = "closed"


class Step(StrEnum):
    """What changes a stage between its opening and its closing. The steps add up to the difference of both."""

    OPENING = "opening"
    NEW = "new"
    REOPENED = "reopened"
    ROLLED_IN = "rolled_in"
    CURED_IN = "cured_in"
    DUE = "due"
    REVERSED = "reversed"
    CORRECTED = "corrected"
    PAID = "paid"
    ROLLED_OUT = "rolled_out"
    CURED_OUT = "cured_out"
    SETTLED = "settled"
    CLOSED = "closed"
    CLOSING = "closing"


_OPEN = (Place.CURRENT, Place.EARLY, Place.LATE, Place.LEGAL)


def places_of(step: Step, stage: str) -> tuple[list[Place], list[Place], Step | None]:
    """Return from where and to where the movements behind a step of a stage go, and their cause if it decides."""
    here = Place(stage)
    before, after = list(_OPEN[: _OPEN.index(here)]), list(_OPEN[_OPEN.index(here) + 1 :])
    match step:
        case Step.NEW:
            return [Place.NEW], [here], None
        case Step.REOPENED:
            return [Place.SETTLED, Place.CLOSED], [here], None
        case Step.SETTLED | Step.CLOSED:
            return [here], [Place(step)], None
        case Step.ROLLED_IN:
            return before, [here], None
        case Step.ROLLED_OUT:
            return [here], after, None
        case Step.CURED_IN:
            return after, [here], None
        case Step.CURED_OUT:
            return [here], before, None
        case Step.OPENING | Step.CLOSING:
            return [], [], None
        case _:
            return [here], list(_OPEN), step


def last_day_of(first_day: int) -> int | None:
    """Return the last day of the band that begins on this day; None for the last band."""
    later = [age for age in AGES if age > first_day]
    return later[0] - 1 if later else None
