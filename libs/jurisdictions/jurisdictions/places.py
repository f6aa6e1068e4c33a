"""States, their time zones and their postal codes."""

import unicodedata
from functools import cache

from jurisdictions.profiles import Profile, TimeZone, profile


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed.casefold() if letter.isalnum())


@cache
def _states(code: str) -> dict[str, str]:
    """Map every spelling of a state's name, in plain letters, to its name in the profile."""
    return {_plain(written): name for name, state in profile(code).states.items() for written in (name, *state.also)}


@cache
def _municipal_zones(code: str) -> dict[tuple[str, str], str]:
    return {
        (name, _plain(municipality)): zone
        for name, state in profile(code).states.items()
        for zone, municipalities in state.municipalities.items()
        for municipality in municipalities
    }


def state_named(code: str, state: str | None) -> str | None:
    """Return the state's usual name, whatever accents, case or abbreviation ``state`` has. None if it is unknown."""
    return _states(code).get(_plain(state)) if state else None


def _zone_rule(of: Profile) -> TimeZone:
    if of.timezone.value is None:
        raise ValueError(f"the profile of {of.code} gives no time zone")
    return of.timezone.value


def default_timezone(code: str) -> str:
    """Return the time zone in which a portfolio of this jurisdiction counts its days."""
    return _zone_rule(profile(code)).default


def timezone_of_place(code: str, state: str | None, city: str | None) -> str | None:
    """Return the IANA time zone of a place.

    None if the place has no known zone and the country has no usual one. Then nobody may be called.
    """
    rules = profile(code)
    rule = _zone_rule(rules)
    name = state_named(code, state)
    if name is not None:
        found = _municipal_zones(code).get((name, _plain(city or ""))) or rules.states[name].zone
        if found is not None:
            return found
    return rule.default if rule.elsewhere else None


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
