"""Where a debtor may be: the states and time zones that an address and a phone number leave plausible.

Nobody knows for sure where a phone rings. So each part of what is known (state, postal code, municipality, area code)
names its plausible places, and contact is allowed only when it is allowed in all of them.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType, timezone

from jurisdictions.profiles import Profile, State, TimeZone, profile


class Place(NamedTuple):
    """A plausible place: an IANA time zone, and the state's code (ISO 3166-2) or None where only the zone is known."""

    timezone: str
    region: str | None


_OF_AN_AREA = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed.casefold() if letter.isalnum())


@cache
def _states(code: str) -> dict[str, str]:
    """Map every spelling of a state's name, in plain letters, to its name in the profile."""
    spellings = {
        _plain(written): name for name, state in profile(code).states.items() for written in (state.code, *state.also)
    }
    return spellings | {_plain(name): name for name in profile(code).states}


_STATE_OF = ("estadode", "estadodo", "edode", "edo", "stateof")
_COUNTRY = ("mexico", "mex", "mx", "brasil", "brazil", "br", "usa", "us")


@lru_cache(maxsize=10_000)
def state_named(code: str, state: str | None) -> str | None:
    """Return the state's usual name, whatever accents, case or abbreviation ``state`` has. None if it is unknown."""
    if not state:
        return None
    known, plain = _states(code), _plain(state)
    for prefix in ("", *_STATE_OF):
        for suffix in ("", *_COUNTRY):
            if plain.startswith(prefix) and plain.endswith(suffix):
                found = known.get(plain[len(prefix) : len(plain) - len(suffix)])
                if found is not None:
                    return found
    return None


_BEFORE_A_TOWN = frozenset(["h", "her", "heroica", "cd", "cdad", "ciudad", "mpio", "mun", "municipio", "de"])
_SHORT = {
    "sn": "san",
    "sta": "santa",
    "sto": "santo",
    "nvo": "nuevo",
    "nva": "nueva",
    "pto": "puerto",
    "pta": "punta",
    "gral": "general",
    "dr": "doctor",
    "gpe": "guadalupe",
    "hgo": "hidalgo",
    "fco": "francisco",
    "pdras": "piedras",
}


@lru_cache(maxsize=10_000)
def _town(text: str) -> str:
    """Return a municipality's name in plain letters, without what is written before it: H., Heroica, Cd., Municipio de.

    Usual abbreviations inside the name are written out.
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(
        " " if not letter.isalnum() and not unicodedata.combining(letter) else letter for letter in decomposed
    )
    words = ["".join(letter for letter in word if letter.isalnum()) for word in letters.split()]
    while len(words) > 1 and words[0] in _BEFORE_A_TOWN:
        words = words[1:]
    return "".join(_SHORT.get(word, word) for word in words)


def _zone_rule(of: Profile) -> TimeZone:
    if of.timezone.value is None:
        raise ValueError(f"the profile of {of.code} gives no time zone")
    return of.timezone.value


def default_timezone(code: str) -> str:
    """Return the time zone in which a portfolio of this jurisdiction counts its days."""
    return _zone_rule(profile(code)).default


class _Towns(NamedTuple):
    """The municipalities of a country's states: each one's zone by state, and the names that tell no state."""

    zones: Mapping[str, Mapping[str, str]]
    homonyms: frozenset[str]


@cache
def _towns(code: str) -> _Towns:
    zones: dict[str, dict[str, str]] = defaultdict(dict)
    for name, state in profile(code).states.items():
        for zone, municipalities in state.municipalities.items():
            for municipality in municipalities:
                zones[_town(municipality)][name] = zone
    return _Towns(zones, frozenset(map(_town, profile(code).homonyms)))


def _zones_of_state(code: str, state: State) -> tuple[str, ...]:
    own = state.zone or default_timezone(code)
    areas = (*state.also_zones, *state.municipalities, *state.area_zones)
    return tuple(dict.fromkeys((own, *areas)))


def _places_in_state(code: str, name: str, town: str) -> Iterable[Place]:
    """Yield the places of a state in which a municipality of that name may be; all of the state's without a name."""
    state = profile(code).states[name]
    zone = _towns(code).zones.get(town, {}).get(name)
    own = state.zone or default_timezone(code)
    if zone is not None:
        zones: tuple[str, ...] = (zone,)
    elif town and not state.also_zones and own not in state.municipalities:
        # Only the municipalities of other zones are listed, so this one is in the state's own zone.
        zones = (own,)
    else:
        zones = _zones_of_state(code, state)
    return (Place(one, state.code) for one in zones)


@cache
def _postal_ranges(code: str) -> tuple[tuple[str, str, str], ...]:
    """Return (first, last, state) of each range of the first digits of postal codes."""
    states = profile(code).states.items()
    ranges = [(*prefix.partition("-")[::2], name) for name, state in states for prefix in state.postal_prefixes]
    # Longer prefixes come first, so that 96799 is not taken for a code of 967.
    found = [(first, last or first, name) for first, last, name in ranges]
    return tuple(sorted(found, key=lambda one: -len(one[0])))


_AROUND_A_POSTAL_CODE = re.compile(r"^\s*(c\.?\s?p\.?|cep|zip)[\s:.]*|\.0+\s*$", re.IGNORECASE)


def _state_of_postal_code(code: str, postal_code: str | None) -> str | None:
    """Return the state of a postal code. Leading zeros that a spreadsheet has cut off are put back."""
    digits = profile(code).postal_digits
    if not (postal_code and digits and postal_code.isascii()):
        return None
    written = _AROUND_A_POSTAL_CODE.sub("", postal_code)
    number = re.sub(r"[\s.\-]", "", written)
    if not number.isdigit():
        return None
    if digits + 3 <= len(number) <= digits + 4:  # ZIP+4
        number = number.zfill(digits + 4)[:digits]
    number = number.zfill(digits) if len(number) >= digits - 2 else ""
    if len(number) != digits:
        return None
    return _state_of_digits(code, number)


@lru_cache(maxsize=100_000)
def _state_of_digits(code: str, number: str) -> str | None:
    for first, last, name in _postal_ranges(code):
        if first <= number[: len(first)] <= last:
            return name
    return None


# A file has few states and towns, and many postal codes.
@lru_cache(maxsize=10_000)
def _plausible_places(code: str, states: tuple[str, ...], town: str) -> tuple[Place, ...]:
    places = [place for name in states for place in _places_in_state(code, name, town)]
    homes, homonyms = _towns(code).zones.get(town, {}), _towns(code).homonyms
    # A town that no stated state has contradicts them, unless its name is found in many states.
    if not any(name in homes for name in states) and (not states or town not in homonyms):
        places += (Place(zone, profile(code).states[name].code) for name, zone in homes.items())
        if not states and town in homonyms:
            places.append(Place(default_timezone(code), None))
    return tuple(dict.fromkeys(places))


def places_of_address(
    code: str, state: str | None = None, postal_code: str | None = None, city: str | None = None
) -> tuple[Place, ...]:
    """Return the places that the parts of an address leave plausible, the likeliest first. None where nothing is known.

    A state without a known municipality is plausible in all its zones. Parts that contradict each other are all
    plausible.
    """
    # "Tijuana, B.C." names the state with the town.
    written, _, after = (city or "").partition(",")
    named = (state_named(code, state), _state_of_postal_code(code, postal_code), state_named(code, after))
    return _plausible_places(code, tuple(dict.fromkeys(name for name in named if name)), _town(written))


@cache
def _areas(code: str) -> dict[str, tuple[Place, ...]]:
    """Map the area codes that the profile lists to their places."""
    found: dict[str, list[Place]] = defaultdict(list)
    for state in profile(code).states.values():
        for area in state.area_codes:
            found[area] += (Place(zone, state.code) for zone in _zones_of_state(code, state))
        for zone, areas in state.area_zones.items():
            for area in areas:
                found[area].append(Place(zone, state.code))
    return {area: tuple(dict.fromkeys(places)) for area, places in found.items()}


def places_of_phone(code: str, number: str) -> tuple[Place, ...]:
    """Return the places that the area code of a number in E.164 leaves plausible. None where it tells nothing."""
    calling_code = _calling_code(code)
    if calling_code and number.startswith(calling_code):
        place = len(calling_code)
        if (places := _places_of_area(code, number[place : place + 3])) is not None:
            return places
    return _places_abroad(number)


@cache
def _calling_code(code: str) -> str:
    """``+52``, or nothing where the profile knows none."""
    rule = profile(code).phone.value
    return f"+{rule.calling_code}" if rule else ""


@cache
def _places_of_area(code: str, digits: str) -> tuple[Place, ...] | None:
    """The places of a national number that begins with these three digits. None: it may be another country's."""
    for area in (digits, digits[:2]):
        if (places := _areas(code).get(area)) is not None:
            return places
    if _calling_code(code) == "+1":  # Canada and the Caribbean share the numbering plan.
        return None
    return (Place(default_timezone(code), None),) if _zone_rule(profile(code)).elsewhere else ()


@lru_cache(maxsize=10_000)
def _places_abroad(number: str) -> tuple[Place, ...]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    if phonenumbers.number_type(parsed) not in _OF_AN_AREA:
        return ()
    zones = timezone.time_zones_for_geographical_number(parsed)
    return tuple(Place(zone, None) for zone in zones if zone != timezone.UNKNOWN_TIMEZONE)


@cache
def places_of_country(code: str) -> tuple[Place, ...]:
    """Return all places of the country, for a debtor of whose place nothing is known.

    Each zone is there without a state too, for the hours of an unknown state. States across the date line are left out:
    no hour of a day is allowed in them and in the others.
    """
    states = [state for state in profile(code).states.values() if not state.remote]
    places = [Place(zone, state.code) for state in states for zone in _zones_of_state(code, state)]
    zones = dict.fromkeys((default_timezone(code), *(place.timezone for place in places)))
    return tuple(dict.fromkeys((*places, *(Place(zone, None) for zone in zones))))


def postal_code_issue(code: str, postal_code: str | None, state: str | None) -> str | None:
    """Return the problem of a postal code: no_postal_code, bad_postal_code, postal_code_of_another_state or None.

    None if the jurisdiction has no rule. The code is not compared with an unknown state.
    """
    rules = profile(code)
    rule = rules.postal_code.value
    if rule is None:
        return None
    if not postal_code:
        return "no_postal_code"
    if not (len(postal_code) == rule.digits and postal_code.isascii() and postal_code.isdigit()):
        return "bad_postal_code"
    prefix = postal_code[: rule.prefix_digits]
    if not any(prefix in other.postal_prefixes for other in rules.states.values()):
        return "bad_postal_code"
    name = state_named(code, state)
    if name is not None and prefix not in rules.states[name].postal_prefixes:
        return "postal_code_of_another_state"
    return None
