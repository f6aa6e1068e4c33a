"""The day that a job is for.

``today`` is the portfolio's: its days begin and end in its own time zone, wherever the clock of this machine stands.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from recobro.errors import Trouble

TODAY = "today"
DAY_METAVAR = "DATE|today"


def parsed_day(text: str) -> date:
    """The day; ``Trouble`` when it is not written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Trouble(f"{text} is not a date such as 2026-11-22.") from None


def todays(portfolios: Iterable[Mapping[str, Any]], only: Collection[str] | None = None) -> dict[date, list[str]]:
    """The ids of these portfolios by the date that it is for them now, earliest first; without those yet to get a file.

    ``only``: no others than these.
    """
    days: defaultdict[date, list[str]] = defaultdict(list)
    for portfolio in portfolios:
        if portfolio["business_date"] is not None and (only is None or portfolio["portfolio_id"] in only):
            days[datetime.now(ZoneInfo(portfolio["timezone"])).date()].append(portfolio["portfolio_id"])
    return dict(sorted(days.items()))
