"""When an entry may be called: the hours that the jurisdiction allows in every place where the debtor may be."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from jurisdictions import (
    Place,
    UnknownJurisdiction,
    joint_window,
    places_of_address,
    places_of_country,
    places_of_phone,
    profile,
)
from recobro_events import Row

from dialer_feed.projection.contracts import read_places


class CallableTime(NamedTuple):
    """``timezone`` is the address's zone, else the phone's; ``timezones`` are all zones whose hours were intersected.

    ``opens`` and ``closes`` are None on a day without an hour that is allowed in all of them.
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
            places = _places(row)
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
        return known[key]

    return of


def _places(row: Row) -> tuple[Place, ...]:
    code = row["jurisdiction"]
    if row["places"] is None:
        # The contract was last told before places were kept: its state is known, but not where in it, nor by what else.
        address = places_of_address(code, row["region"]) or places_of_country(code)
    else:
        address = read_places(row["places"])
    phones = (places_of_phone(code, number) for number in row["phones"])
    return tuple(dict.fromkeys((*address, *(place for places in phones for place in places))))
