"""Whether a call started outside the hours that the jurisdiction allows where the debtor may be."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jurisdictions import Place, UnknownJurisdiction, callable_window, places_of_country, profile
from recobro_events import Row

from dialer_feed.lists.places import plausible_places


def is_outside(contract: Row, number: str | None, started_at: datetime) -> bool:
    """Whether nobody might call at this moment in one of the places where the debtor may be.

    The places are those of the contract's addresses and of the number in E.164; where nothing is known of them, all
    places of the country.
    """
    code = contract["jurisdiction"]
    try:
        places = plausible_places(contract, [number] if number else []) or places_of_country(code)
        return not all(_is_allowed(contract, place, started_at) for place in places)
    except UnknownJurisdiction:
        return True


def _is_allowed(contract: Row, place: Place, started_at: datetime) -> bool:
    day = started_at.astimezone(ZoneInfo(place.timezone)).date()
    rules = profile(contract["jurisdiction"])
    window = callable_window(rules, day, place.timezone, contract["creditor_kind"], place.region)
    return window is not None and window[0] <= started_at <= window[1]
