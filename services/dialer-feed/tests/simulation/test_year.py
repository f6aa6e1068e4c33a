"""A year of random days: the service allows and refuses exactly the calls that the plain rules allow and refuse.

Questions go through the service's own routes and SQL, with a clock handed in. ``SIMULATED_DAYS`` sets how many days
are played: two weeks in the suite, a leap year by ``make simulate``. Each rule is also taken out of the decision on
purpose; the plain rules then find a call that only this rule forbids.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
from dialer_feed.calls import hours
from dialer_feed.permits import asking
from dialing_scene import Scene
from jurisdictions import Profile, profile
from plain_rules import Call, refusals
from simulated_world import Holder, World, moments

DAYS = int(os.environ.get("SIMULATED_DAYS", "14"))
# The two weeks hold the leap day and, in the US, the change of the clock; the year holds all of 2028.
FIRST = date(2028, 1, 1) if DAYS > 60 else date(2028, 2, 28)
ROUNDS, QUESTIONS, PEOPLE = (1, 80, 10) if DAYS > 60 else (4, 60, 10)

MOST_REDECIDED = 150
"""So many batches, evenly over the days, are decided again without a rule."""

Mutation = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Played:
    """What was asked and decided: each batch with its facts, and whether the plain rules forbid each call."""

    batches: list[list[tuple[Any, dict[str, Any], Any]]] = field(default_factory=list)
    verdicts: list[list[set[str]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


@contextmanager
def clock() -> Iterator[dict[str, datetime]]:
    moment: dict[str, datetime] = {}
    with patch.object(asking, "now", lambda: moment["at"]):
        yield moment


@contextmanager
def recorded(played: Played) -> Iterator[None]:
    """Record the facts of each question of the last batch."""
    decide = asking._decide

    def record(about: Any, facts: Any, granted: Counter[UUID], settings: Any) -> Any:
        played.batches[-1].append((about, dict(facts), settings))
        return decide(about, facts, granted, settings)

    with patch.object(asking, "_decide", record):
        yield


async def play(scene: Scene, client: httpx.AsyncClient, seed: int) -> Played:
    """Play the days. Returns what was decided, and every difference from the plain rules."""
    played = Played()
    world = World(scene, seed, FIRST, PEOPLE)
    await world.begin()
    with clock() as moment, recorded(played):
        for n in range(DAYS):
            for at in moments(FIRST + timedelta(days=n), world.random, ROUNDS):
                await world.advance(at)
                if world.random.random() < 0.3:
                    await world.debtors_call(at - timedelta(minutes=world.random.randrange(1, 90)))
                for later in (0, 5):
                    await ask(world, client, played, moment, at + timedelta(seconds=later))
    return played


async def ask(
    world: World, client: httpx.AsyncClient, played: Played, moment: dict[str, datetime], at: datetime
) -> None:
    heard = timedelta(seconds=world.random.choice((1, 9, 9, 9, 29, 29, 29, 29, 31)))
    await world.scene.execute("DELETE FROM barrier")
    opened = "INSERT INTO barrier (barrier_id, state, sources, opened_at) VALUES (uuidv7(), 'reached', '{}', $1)"
    await world.scene.execute(opened, at - heard)
    moment["at"] = at
    asked = world.questions(at, heard, QUESTIONS)
    played.batches.append([])
    played.verdicts.append([])
    body = [question.model_dump(mode="json", exclude_none=True) for _, question, _ in asked]
    answer = await client.post("/v1/permits/batch", json=body)
    assert answer.status_code == 200, answer.text
    granted: list[tuple[Holder, Call, UUID, datetime]] = []
    for (holder, question, call), decision in zip(asked, answer.json()["items"], strict=True):
        forbidden = refusals(call, world.suppressed)
        played.verdicts[-1].append(forbidden)
        permit, refused = decision["permit"], decision["refused"]
        played.answers[refused["reason"] if refused else "granted"] += 1
        if (permit is None) != bool(forbidden):
            reason = refused and refused["reason"]
            played.wrong.append(f"{at} {holder.contract.number} {question.phone}: {reason}, plainly {forbidden}")
        if permit is not None:
            expires_at = datetime.fromisoformat(permit["expires_at"])
            call.debt.person.permits.append((at, expires_at))
            granted.append((holder, call, UUID(permit["permit_id"]), expires_at))
    for _, call, _, expires_at in granted:
        call.debt.person.permits.remove((at, expires_at))
    await world.called(granted)


def is_breached(played: Played, mutate: Mutation) -> bool:
    """Decide again with one rule taken out, until a call is allowed that the plain rules forbid."""
    step = len(played.batches) // MOST_REDECIDED + 1
    for batch, verdicts in zip(played.batches[::step], played.verdicts[::step], strict=True):
        granted: Counter[UUID] = Counter()
        for (about, facts, settings), forbidden in zip(batch, verdicts, strict=True):
            mutated: Any = mutate(dict(facts))
            decision = asking._decide(about, mutated, granted, settings)
            if decision.reason is None and forbidden:
                return True
    return False


def without(**values: Any) -> Mutation:
    return lambda facts: facts | values


def without_bar(*reasons: str) -> Mutation:
    return lambda facts: facts | {"bars": None} if facts["bars"] in reasons else facts


FACTS: Mapping[str, Mutation] = {
    "deceased": without_bar("deceased"),
    "represented": without_bar("represented"),
    "clarification": without_bar("clarification"),
    "payment": without_bar("payment"),
    "promise": without_bar("promise"),
    "paused": without_bar("paused"),
    "recall": without_bar("recall"),
    "conditions": without_bar("no_longer_eligible"),
    "refuses_calls": without_bar("opted_out"),
    "workplace": without(number_is_of_employer=False, number_is_listed=True),
    "suppressed": lambda facts: (
        facts | {"number_is_suppressed": False, "number_is_listed": True} if facts["number_is_suppressed"] else facts
    ),
    "number": without(number_is_listed=True),
    "stale": lambda facts: facts | {"heard_at": facts["at"]},
    "frequency": without(attempts=0),
    "conversation": without(spoke=False),
    "inconvenient": without(conveniences=[]),
    "answer_once": without(may_answer=True),
}
"""Each rule that the facts decide, taken out of them."""


def every_day(one: Profile) -> Profile:
    """The profile with the longest hours of its week on every day."""
    allowed = one.allowed_hours.value
    assert allowed is not None

    def week(known: Any) -> Any:
        longest = max(known.values(), key=lambda pair: (pair[1].hour - pair[0].hour, pair))
        return dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), longest)

    regions = {name: region.model_copy(update={"week": week(region.week)}) for name, region in allowed.regions.items()}
    changes = {
        "regions": regions,
        "nationwide": week(allowed.nationwide),
        "other_regions": week(allowed.other_regions) if allowed.other_regions else None,
        "days_by_creditor_kind": {},
    }
    return _with_hours(one, **changes)


def any_hour(one: Profile) -> Profile:
    allowed = one.allowed_hours.value
    assert allowed is not None

    def week(known: Any) -> Any:
        return {day: (time(0), time(23, 59, 59)) for day in known}

    regions = {name: region.model_copy(update={"week": week(region.week)}) for name, region in allowed.regions.items()}
    other = week(allowed.other_regions) if allowed.other_regions else None
    return _with_hours(one, regions=regions, nationwide=week(allowed.nationwide), other_regions=other)


def no_states(one: Profile) -> Profile:
    return _with_hours(one, regions={})


def no_holidays(one: Profile) -> Profile:
    return _with_hours(one, never_on_holidays=False)


def _with_hours(one: Profile, **changes: Any) -> Profile:
    assert one.allowed_hours.value is not None
    hours_of = one.allowed_hours.value.model_copy(update=changes)
    return one.model_copy(update={"allowed_hours": one.allowed_hours.model_copy(update={"value": hours_of})})


PROFILES: Mapping[str, Callable[[Profile], Profile]] = {
    "weekdays": every_day,
    "hours": any_hour,
    "hours of states": no_states,
    "holidays": no_holidays,
}
"""Each rule of the hours, taken out of the profiles."""


@contextmanager
def taken_out(rule: str) -> Iterator[None]:
    """Take one rule out of the code or the profiles."""
    if rule in PROFILES:
        with patch.object(hours, "profile", lambda code: PROFILES[rule](profile(code))):
            yield
    elif rule == "intersection":
        first = hours._places
        with patch.object(hours, "_places", lambda contract, numbers: first(contract, numbers)[:1]):
            yield
    elif rule == "caller_id":
        with patch.object(asking, "_is_registered", lambda _: True):
            yield
    else:
        yield


RULES: Sequence[str] = (*FACTS, *PROFILES, "intersection", "caller_id")


async def test_the_service_decides_as_the_plain_rules_and_no_rule_is_there_for_nothing(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    played = await play(scene, client, seed=random.Random(27).randrange(1000))
    assert played.wrong == []
    assert played.answers["granted"] > 0.05 * played.answers.total()
    assert not is_breached(played, lambda facts: facts)
    useless = []
    for rule in RULES:
        with taken_out(rule):
            if not is_breached(played, FACTS.get(rule, lambda facts: facts)):
                useless.append(rule)
    # A few days do not bring every rule to bear alone.
    assert useless == [] or DAYS < 14
