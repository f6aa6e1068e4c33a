"""What debtors have called inconvenient, held against the time in which contact is allowed.

Each of ``not_hours``, ``not_days``, ``not_media`` and ``not_places`` binds by itself. Where a debtor may be in several
time zones, hours and days count in all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Stated = Mapping[str, Any]
"""One statement: the four lists. Hours are ``HH:MM-HH:MM``; an end before the beginning lies on the next day."""
Span = tuple[datetime, datetime]


def refuses(stated: Iterable[Stated], medium: str) -> bool:
    """Whether the debtor refuses this medium altogether."""
    return any(medium in one["not_media"] for one in stated)


def convenient_parts(stated: Sequence[Stated], zones: Iterable[str], within: Span) -> list[Span]:
    """Return the parts of the time ``within`` that no statement bars by its hour or day, in their order."""
    parts = [within]
    if not stated:
        return parts
    for starts, ends in _barred(stated, list(dict.fromkeys(zones)), within):
        parts = [
            part
            for opens, closes in parts
            for part in ((opens, min(closes, starts)), (max(opens, ends), closes))
            if part[0] < part[1]
        ]
    return parts


def _barred(stated: Sequence[Stated], zones: Sequence[str], within: Span) -> Iterable[Span]:
    for zone in map(ZoneInfo, zones):
        first, last = (moment.astimezone(zone).date() for moment in within)
        days = [first + timedelta(days=n) for n in range(-1, (last - first).days + 1)]
        for day in days:
            for one in stated:
                if WEEKDAYS[day.weekday()] in one["not_days"]:
                    yield _span(zone, day, time(), day + timedelta(days=1), time())
                for hours in one["not_hours"]:
                    begins, ends = (time.fromisoformat(clock) for clock in hours.split("-"))
                    yield _span(zone, day, begins, day + timedelta(days=int(ends <= begins)), ends)


def _span(zone: ZoneInfo, first: date, begins: time, last: date, ends: time) -> Span:
    """Return a span of local time as UTC. Where the clock changes, it is the longest that the words can mean."""
    starts = [datetime.combine(first, begins, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    stops = [datetime.combine(last, ends, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(starts), max(stops)
