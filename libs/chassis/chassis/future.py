"""A day far ahead of today is most often a typing error. What moves dates for good asks before it believes one."""

from collections.abc import Sequence
from datetime import date
from typing import Self

from recobro_events import Row

from chassis.problems import Conflict

DAYS_AHEAD = 1
"""A day so many days ahead of today, in the portfolio's time zone, is not asked about: tomorrow's run may be early."""


class ConfirmFuture(Conflict):
    """The day is far ahead of today. ``portfolios`` names each portfolio concerned, with its today."""

    code = "confirm-future"

    @classmethod
    def of(cls, day: date, portfolios: Sequence[Row]) -> Self:
        """``portfolios`` have ``portfolio_id``, ``name`` (may be null) and ``today``."""
        ahead = [
            {
                "portfolio_id": row["portfolio_id"],
                "name": row["name"],
                "today": row["today"],
                "days_ahead": (day - row["today"]).days,
            }
            for row in portfolios
        ]
        named = "; ".join(
            f"{one['name'] or one['portfolio_id']}: {one['days_ahead']:,} days after {one['today']}" for one in ahead
        )
        return cls(
            f"{day} is far ahead of today ({named}). A move to this day cannot be taken back. To make it, send the"
            " request with confirm_future: true.",
            extra={"as_of": day, "portfolios": ahead},
        )
