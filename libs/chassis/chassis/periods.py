"""The period of a figure: from a first to a last day, both included."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query

from chassis.models import Day
from chassis.problems import FieldError, Invalid

MOST_DAYS = 366
USUAL_DAYS = 28


@dataclass(frozen=True)
class Period:
    """A period as it was asked for; a missing bound follows from the other one or from the last known day."""

    first: Day | None
    last: Day | None

    def ending(self, last_known: date | None) -> tuple[date, date]:
        """Return both bounds: by default the 28 days up to the last known day.

        Raises ``Invalid`` where the period ends before it begins, or has more than 366 days.
        """
        last = self.last or (self.first + timedelta(days=USUAL_DAYS - 1) if self.first else None) or last_known
        last = last or date(2000, 1, USUAL_DAYS)
        first = self.first or last - timedelta(days=USUAL_DAYS - 1)
        if last < first:
            raise Invalid(
                "The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")]
            )
        if (last - first).days >= MOST_DAYS:
            raise Invalid(
                f"A period has at most {MOST_DAYS} days.", errors=[FieldError("/query/from", "lies too far before to")]
            )
        return first, last


async def _asked_for(
    first: Annotated[Day | None, Query(alias="from", description="The first day. Default: 27 days before `to`")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day, included. Default: the latest")] = None,
) -> Period:
    return Period(first, last)


WantedPeriod = Annotated[Period, Depends(_asked_for)]
"""``from=`` and ``to=`` of a route."""


def share(part: float, whole: float) -> float | None:
    """Return a rate with four decimals, or None where there is nothing to divide by."""
    return round(part / whole, 4) if whole else None
