"""The hours that the jurisdiction allows at an address on a day."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from jurisdictions import (
    Place,
    UnknownJurisdiction,
    convenient_parts,
    joint_window,
    places_of_address,
    places_of_country,
    profile,
    refuses,
    visits_allowed,
)
from recobro_events import Row

Window = tuple[datetime, datetime]


def local_day(row: Row, at: datetime) -> date:
    """Return the day at the row's address at this moment; where its zone is not known, the portfolio's day."""
    zone = next((place.timezone for place in _places(row)), row["timezone"])
    return at.astimezone(ZoneInfo(zone)).date()


def allowed_window(row: Row, day: date) -> Window | None:
    """Return the hours on ``day`` in which somebody may come to the row's address, as UTC.

    Where several places are plausible, all of them must allow the hour; where none is known, the whole country. None
    where the day has no such hours: then nobody may come.
    """
    try:
        places = _places(row) or places_of_country(row["jurisdiction"])
        return joint_window(profile(row["jurisdiction"]), day, places, row["creditor_kind"])
    except UnknownJurisdiction:
        return None


def convenient_hours(row: Row, day: date) -> Sequence[Window]:
    """Return the parts of the allowed hours that the debtor has not called inconvenient; none where nobody may come.

    A debtor may want no visits at all, or none at this kind of address.
    """
    window, stated = allowed_window(row, day), row["conveniences"]
    if window is None or refuses(stated, "visit") or any(row["kind"] in one["not_places"] for one in stated):
        return []
    zones = [place.timezone for place in _places(row) or places_of_country(row["jurisdiction"])]
    return convenient_parts(stated, zones, window)


def visits_limit(row: Row) -> tuple[int, int] | None:
    """Return how many visits to the debtor are allowed there within how many days; None if nothing limits them."""
    try:
        return visits_allowed(row["jurisdiction"], [place.region for place in _places(row)])
    except UnknownJurisdiction:
        return None


def _places(row: Row) -> Sequence[Place]:
    try:
        return places_of_address(row["jurisdiction"], row["address_state"], row["postal_code"], row["city"])
    except UnknownJurisdiction:
        return ()
