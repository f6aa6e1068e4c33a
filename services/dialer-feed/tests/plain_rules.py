"""Who may be called, in plain words: the rules of the design's table, written without a look at the service's code.

Nothing of the service and nothing of the profiles is imported here. ``refusals`` gives every reason that holds, so that
one rule taken out of the service must leave a call that only this rule forbids.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Spot(NamedTuple):
    """A place where a debtor may be."""

    zone: str
    state: str


@dataclass
class Number:
    value: str
    spot: Spot
    usable: bool = True


@dataclass
class Contact:
    """Somebody contacted the person, or the person called. ``moment`` is null for a visit."""

    day: date
    medium: str
    attempt: bool
    conversation: bool
    moment: datetime | None = None
    outbound: bool = True


@dataclass
class Person:
    dead: bool = False
    represented: bool = False
    wishes: list[dict[str, list[str]]] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    begun: list[tuple[date, datetime]] = field(default_factory=list)
    """Calls that have begun and have no result yet: the day on which they count, and their start."""
    permits: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Permits that nobody has used: when they were given, and when they end."""
    homes: set[str] = field(default_factory=set)


@dataclass
class Debt:
    """A contract. ``kind`` is the creditor's, ``cap`` the limit of the campaign."""

    country: str
    kind: str
    person: Person
    home: Spot
    numbers: list[Number]
    employer: Number
    by_agency: bool
    caller_ids: tuple[str, ...]
    cap: int | None
    overdue: int = 1500
    stage: str = "early"
    closed: bool = False
    disputes: int = 0
    paid_from: list[date] = field(default_factory=list)
    promised_until: list[date] = field(default_factory=list)
    pauses: list[tuple[date, date]] = field(default_factory=list)
    recalled: bool = False


class Call(NamedTuple):
    """What a dialer is about to do. ``day`` is the business date, ``heard`` how long ago everything was known."""

    debt: Debt
    number: Number
    caller_id: str | None
    at: datetime
    day: date
    heard: timedelta


def refusals(call: Call, suppressed: set[str]) -> set[str]:
    """Return every rule that forbids this call."""
    found = {name for name, holds in _of_debt(call).items() if holds}
    found |= {name for name, holds in _of_number(call, suppressed).items() if holds}
    if call.heard > timedelta(seconds=30):
        found.add("stale")
    if _too_often(call):
        found.add("frequency")
    if _has_spoken(call):
        found.add("conversation")
    found |= _hours(call, suppressed)
    if call.debt.country == "MX" and call.debt.by_agency and call.caller_id not in call.debt.caller_ids:
        found.add("caller_id")
    if _is_inconvenient(call, suppressed):
        found.add("inconvenient")
    return found


def _of_debt(call: Call) -> dict[str, bool]:
    debt, day = call.debt, call.day
    return {
        "deceased": debt.person.dead,
        "represented": debt.person.represented,
        "clarification": debt.disputes > 0,
        "payment": any(day < first + timedelta(days=3) for first in debt.paid_from),
        "promise": any(day <= until for until in debt.promised_until),
        "paused": any(first <= day <= last for first, last in debt.pauses),
        "closed": debt.closed,
        "recall": debt.by_agency and debt.recalled,
        "conditions": debt.stage not in ("early", "late") or debt.overdue <= 100,
        "refuses_calls": any("call" in wish["not_media"] for wish in debt.person.wishes),
    }


def _of_number(call: Call, suppressed: set[str]) -> dict[str, bool]:
    return {
        "workplace": call.number is call.debt.employer,
        "suppressed": call.number.value in suppressed,
        "number": not call.number.usable or call.number not in (*call.debt.numbers, call.debt.employer),
    }


def _too_often(call: Call) -> bool:
    person, first = call.debt.person, call.day - timedelta(days=6)
    recent = [one for one in person.contacts if first <= one.day <= call.day and one.attempt]
    calls = sum(one.medium == "call" for one in recent)
    calls += sum(first <= day <= call.day for day, _ in person.begun)
    calls += sum(call.at < ends for _, ends in person.permits)
    visits = sum(one.medium == "visit" for one in recent)
    messages = sum(one.medium == "message" for one in recent)
    if call.debt.country == "US":
        return calls >= 7 or ("MA" in person.homes and calls + messages >= 2)
    return calls + visits >= (call.debt.cap or 7)


def _has_spoken(call: Call) -> bool:
    """In the US, nobody calls for 7 days after a conversation. Its own day is the first of them."""
    if call.debt.country != "US":
        return False
    first = call.day - timedelta(days=6)
    return any(first <= one.day <= call.day and one.conversation for one in call.debt.person.contacts)


def _spots(call: Call, suppressed: set[str]) -> set[Spot]:
    dialled = [one for one in call.debt.numbers if one.usable and one.value not in suppressed]
    return {call.debt.home, call.number.spot, *(one.spot for one in dialled)}


def _hours(call: Call, suppressed: set[str]) -> set[str]:
    """A call is allowed when it is allowed in every place where the debtor may be."""
    found = set()
    for spot in _spots(call, suppressed):
        local = call.at.astimezone(ZoneInfo(spot.zone))
        if call.debt.country == "BR" and local.date() in _holidays(spot.state, local.year):
            found.add("holiday")
        allowed = _week(call.debt.country, call.debt.kind, spot.state).get(WEEK[local.weekday()])
        if allowed is None:
            found.add("weekday")
        elif not allowed[0] <= local.time() <= allowed[1]:
            found.add("hours")
    return found


@cache
def _holidays(state: str, year: int) -> set[date]:
    return set(holidays.country_holidays("BR", subdiv=state, years=year))


@cache
def _week(country: str, kind: str, state: str) -> dict[str, tuple[time, time]]:
    working, everyday = WEEK[:5], WEEK
    if country == "MX":
        return dict.fromkeys(working if kind == "commercial" else everyday, (time(7), time(22)))
    if country in ("US", "GB"):
        return dict.fromkeys(everyday, (time(8), time(21)))
    if state == "RJ":
        return dict.fromkeys(working, (time(9), time(19)))
    if state == "CE":
        return dict.fromkeys(working, (time(8), time(18)))
    # São Paulo; and our own default for a state without a law of its own.
    return {**dict.fromkeys(working, (time(8), time(20))), "sat": (time(8), time(14))}


def _is_inconvenient(call: Call, suppressed: set[str]) -> bool:
    person = call.debt.person
    if _may_answer(call):
        return False
    for spot in _spots(call, suppressed):
        local = call.at.astimezone(ZoneInfo(spot.zone))
        for wish in person.wishes:
            if WEEK[local.weekday()] in wish["not_days"]:
                return True
            if any(_within(hours, local.time()) for hours in wish["not_hours"]):
                return True
    return False


def _within(hours: str, clock: time) -> bool:
    begins, ends = (time.fromisoformat(one) for one in hours.split("-"))
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


def _may_answer(call: Call) -> bool:
    """Who has called within the hour is called back once."""
    person = call.debt.person
    inbound = [one.moment for one in person.contacts if not one.outbound and one.moment is not None]
    recent = [one for one in inbound if call.at - timedelta(hours=1) <= one <= call.at]
    later = [one.moment for one in person.contacts if one.outbound and one.medium == "call" and one.moment is not None]
    later += [start for _, start in person.begun]
    later += [given for given, ends in person.permits if ends > call.at]
    return any(all(other < one for other in later) for one in recent)
