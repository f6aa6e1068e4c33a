"""When an entry may be called: the hours that the jurisdiction allows in its phones' time zones on a day."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from jurisdictions import Profile, UnknownJurisdiction, callable_window, profile, timezone_of_place
from recobro_events import Row

Window = tuple[datetime, datetime] | None


def windows_of(day: date) -> Callable[[Row], tuple[str, Window]]:
    """Return a function that gives an entry's time zone and its window on ``day``. It computes each combination once.

    If the phones are in several zones, the window holds the hours that all zones allow. There is no window where a zone
    is not known, or the jurisdiction has no rule.
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
    """Return the two-letter code of a state, or None where it has none."""
    if state is None:
        return None
    return next((written for written in rules.states[state].also if len(written) == 2 and written.isupper()), None)


def in_all_windows(windows: Iterable[Window]) -> Window:
    """Return the time that lies in all windows; None when one of them is None or they do not overlap."""
    known: Sequence[Window] = list(windows)
    allowed = [window for window in known if window is not None]
    if not allowed or len(allowed) < len(known):
        return None
    opens = max(window[0] for window in allowed)
    closes = min(window[1] for window in allowed)
    return (opens, closes) if opens < closes else None
