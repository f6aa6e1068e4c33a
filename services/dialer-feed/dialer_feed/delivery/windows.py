"""When an entry may be called: the hours that its phones' time zones and the jurisdiction allow on a day."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from jurisdictions import Profile, UnknownJurisdiction, callable_window, profile, timezone_of_place
from recobro_events import Row

Window = tuple[datetime, datetime] | None


def windows_of(day: date) -> Callable[[Row], tuple[str, Window]]:
    """Tells an entry's time zone and when it may be called on ``day``; each combination is worked out once.

    With phones in several zones, only the hours that all of them allow. No window where no zone is known, or no rule.
    """
    known: dict[tuple[Any, ...], tuple[str, Window]] = {}

    def of(row: Row) -> tuple[str, Window]:
        place = (row["jurisdiction"], row["region"], row["creditor_kind"], *row["timezones"])
        if place not in known:
            known[place] = _zone_and_window(row, day)
        return known[place]

    return of


def _zone_and_window(row: Row, day: date) -> tuple[str, Window]:
    try:
        rules = profile(row["jurisdiction"])
        elsewhere = timezone_of_place(rules.code, row["region"], None)
    except UnknownJurisdiction:
        return row["portfolio_timezone"], None
    zones = list(dict.fromkeys(zone or elsewhere for zone in row["timezones"]))
    named = next((zone for zone in zones if zone), row["portfolio_timezone"])
    region = _region_code(rules, row["region"])
    windows = (callable_window(rules, day, zone, row["creditor_kind"], region) if zone else None for zone in zones)
    return named, in_all_windows(windows)


def _region_code(rules: Profile, state: str | None) -> str | None:
    """The two letters of a state, where it has them."""
    if state is None:
        return None
    return next((written for written in rules.states[state].also if len(written) == 2 and written.isupper()), None)


def in_all_windows(windows: Iterable[Window]) -> Window:
    """The time that all of them allow; None when one allows nothing or they do not meet."""
    known: Sequence[Window] = list(windows)
    allowed = [window for window in known if window is not None]
    if not allowed or len(allowed) < len(known):
        return None
    opens = max(window[0] for window in allowed)
    closes = min(window[1] for window in allowed)
    return (opens, closes) if opens < closes else None
