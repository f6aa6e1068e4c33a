"""Until when a call may be made that starts at a moment: the hours that are allowed where the debtor may be."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jurisdictions import (
    Place,
    UnknownJurisdiction,
    callable_window,
    convenient_parts,
    is_holiday,
    places_of_country,
    profile,
)
from recobro_events import Row

from dialer_feed.lists.places import plausible_places


def is_outside(contract: Row, number: str | None, started_at: datetime) -> bool:
    """Whether nobody might call at this moment in one of the places where the debtor may be.

    The places are those of the contract's addresses and of the number in E.164; where nothing is known of them, all
    places of the country.
    """
    return closes_at(contract, [number] if number else [], started_at) is None


def closes_at(contract: Row, numbers: Iterable[str], at: datetime) -> datetime | None:
    """Return until when calls are allowed that are allowed at this moment in every plausible place; None: not now.

    The places are those of the contract's addresses and of these numbers in E.164.
    """
    try:
        closings = [_closes_at(contract, place, at) for place in _places(contract, numbers)]
    except UnknownJurisdiction:
        return None
    known = [closing for closing in closings if closing is not None]
    return min(known) if known and len(known) == len(closings) else None


def convenient_until(
    contract: Row, numbers: Iterable[str], at: datetime, closes_at: datetime | None
) -> datetime | None:
    """Return until when the debtor has not called calls inconvenient, at most ``closes_at``; None: not now."""
    if closes_at is None or not contract["conveniences"]:
        return closes_at
    zones = [place.timezone for place in _places(contract, numbers)]
    parts = convenient_parts(contract["conveniences"], zones, (at, closes_at))
    return parts[0][1] if parts and parts[0][0] == at else None


def is_inconvenient(contract: Row, number: str | None, started_at: datetime) -> bool:
    """Whether the debtor had called this hour or day inconvenient before the call."""
    stated = [one for one in contract["conveniences"] if datetime.fromisoformat(one["stated_at"]) < started_at]
    if not stated:
        return False
    moment = (started_at, started_at + timedelta(seconds=1))
    try:
        zones = [place.timezone for place in _places(contract, [number] if number else [])]
    except UnknownJurisdiction:
        return False
    parts = convenient_parts(stated, zones, moment)
    return not parts or parts[0][0] != started_at


def falls_on_a_holiday(contract: Row, numbers: Iterable[str], at: datetime) -> bool:
    """Whether the moment is on a holiday that bars calls in one of the plausible places."""
    try:
        rules = profile(contract["jurisdiction"])
        places = _places(contract, numbers)
    except UnknownJurisdiction:
        return False
    hours = rules.allowed_hours.value
    if hours is None or not hours.never_on_holidays:
        return False
    return any(is_holiday(rules, at.astimezone(ZoneInfo(place.timezone)).date(), place.region) for place in places)


def zone_of(contract: Row, numbers: Iterable[str], otherwise: str) -> str:
    """Return the time zone of the address, else of the first number that tells one, else ``otherwise``."""
    try:
        return next((place.timezone for place in plausible_places(contract, numbers)), otherwise)
    except UnknownJurisdiction:
        return otherwise


def _places(contract: Row, numbers: Iterable[str]) -> tuple[Place, ...]:
    return tuple(plausible_places(contract, numbers) or places_of_country(contract["jurisdiction"]))


def _closes_at(contract: Row, place: Place, at: datetime) -> datetime | None:
    day = at.astimezone(ZoneInfo(place.timezone)).date()
    rules = profile(contract["jurisdiction"])
    window = callable_window(rules, day, place.timezone, contract["creditor_kind"], place.region)
    return window[1] if window is not None and window[0] <= at <= window[1] else None
