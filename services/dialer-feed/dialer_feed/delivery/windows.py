"""When an entry may be called: the hours that the jurisdiction allows in every place where the debtor may be."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from jurisdictions import UnknownJurisdiction, convenient_parts, joint_window, places_of_country, profile
from recobro_events import Row

from dialer_feed.lists.places import plausible_places


class CallableTime(NamedTuple):
    """``timezone`` is the address's zone, else the phone's; ``timezones`` are all zones whose hours were intersected.

    ``opens`` and ``closes`` are None on a day without an hour that is allowed in all of them. Where the debtor has
    called hours inconvenient, they are the longest part that is left.
    """

    timezone: str
    timezones: Sequence[str]
    opens: datetime | None
    closes: datetime | None


def windows_of(day: date) -> Callable[[Row], CallableTime]:
    """Return a function that gives the time in which an entry may be called on ``day``.

    The places are those of the contract's addresses and those of the area codes of the entry's phones. Where nothing
    is known of them, all places of the country count. Each combination is computed once.
    """
    known: dict[tuple[Any, ...], CallableTime] = {}

    def of(row: Row) -> CallableTime:
        try:
            places = plausible_places(row, row["numbers"] or [])
        except UnknownJurisdiction:
            return CallableTime(row["portfolio_timezone"], [row["portfolio_timezone"]], None, None)
        key = (row["jurisdiction"], row["creditor_kind"], places)
        if key not in known:
            zones = list(dict.fromkeys(place.timezone for place in places))
            plausible = places or places_of_country(row["jurisdiction"])
            window = joint_window(profile(row["jurisdiction"]), day, plausible, row["creditor_kind"])
            usual = zones[0] if zones else row["portfolio_timezone"]
            intersected = zones or list(dict.fromkeys(place.timezone for place in plausible))
            known[key] = CallableTime(usual, intersected, *(window or (None, None)))
        return _convenient(known[key], row["conveniences"])

    return of


def _convenient(time: CallableTime, stated: Sequence[dict[str, Any]] | None) -> CallableTime:
    if not stated or time.opens is None or time.closes is None:
        return time
    parts = convenient_parts(stated, time.timezones, (time.opens, time.closes))
    opens, closes = max(parts, key=lambda part: part[1] - part[0]) if parts else (None, None)
    return time._replace(opens=opens, closes=closes)
