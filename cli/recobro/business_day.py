"""The day that a job is for.

``today`` is the portfolio's date. Its days begin and end in the portfolio's time zone, not in this machine's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from recobro.errors import Trouble
from recobro.language import tr

TODAY = "today"
DAY_METAVAR = "DATE|today"


def parsed_day(text: str) -> date:
    """Return the day. Raises ``Trouble`` if it is not written as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Trouble(tr("{text} is not a date such as 2026-11-22.", text=text)) from None


def todays(portfolios: Iterable[Mapping[str, Any]], only: Collection[str] | None = None) -> dict[date, list[str]]:
    """Group the ids of portfolios by their present local date, earliest date first.

    Portfolios that have not had a file yet are left out. ``only`` restricts the result to these ids.
    """
    days: defaultdict[date, list[str]] = defaultdict(list)
    for portfolio in portfolios:
        if portfolio["business_date"] is not None and (only is None or portfolio["portfolio_id"] in only):
            days[datetime.now(ZoneInfo(portfolio["timezone"])).date()].append(portfolio["portfolio_id"])
    return dict(sorted(days.items()))
