"""What a caller may ask for, by a clock of the test's own."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.gates import Gate
from chassis.limits import (
    DAY_SECONDS,
    LONGEST_REFUSAL_SECONDS,
    MAX_CALLERS,
    MOST_HELD,
    REFUSAL_SECONDS,
    Limit,
    Limiter,
    Policy,
    RouteClass,
    TooMany,
    Usage,
)
from chassis.principals import Principal

NOON = 20_000 * DAY_SECONDS + DAY_SECONDS / 2


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return NOON + self.seconds - 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("chassis.limits.time", clock)
    return clock


def a_limit(**changes: int) -> Limit:
    values: dict[str, int] = {
        "per_second": 10,
        "per_day": 10**6,
        "bytes_per_day": 10**9,
        "at_once": 2,
        "all_at_once": 4,
        "open_at_once": 10**6,
    }
    return Limit(**(values | changes))


def a_policy(**changes: int) -> Policy:
    return Policy(RouteClass.READ, a_limit(**changes), Gate(1, 1))


def refused(usage: Usage, policy: Policy) -> TooMany:
    with pytest.raises(TooMany) as refusal:
        usage.begin(policy)
    return refusal.value


def a_principal(agency_id: UUID | None = None, subject: str = "ana") -> Principal:
    role: Any = None if agency_id else "operator"
    return Principal(subject, frozenset(), token_id=str(uuid4()), role=role, agency_id=agency_id)


def test_a_burst_passes_what_follows_waits_and_the_rest_is_refused(clock: Clock) -> None:
    policy, usage = a_policy(per_second=8), Usage()
    assert [usage.begin(policy) for _ in range(16)] == [n / 8 - 2 for n in range(1, 17)]
    assert [usage.begin(policy) for _ in range(16)] == [n / 8 for n in range(1, 17)]
    refusal = refused(usage, policy)
    assert (refusal.status, refusal.code, refusal.reason) == (429, "rate-limited", "per_second")
    assert refusal.headers["Retry-After"] == "2"
    clock.seconds += 1 / 8
    usage.begin(policy)
    refused(usage, policy)
    clock.seconds += 100
    assert [usage.begin(policy) <= 0 for _ in range(17)] == [True] * 16 + [False]


def test_a_steady_caller_within_its_rate_never_waits(clock: Clock) -> None:
    policy, usage = a_policy(per_second=10), Usage()
    for _ in range(1000):
        assert usage.begin(policy) <= 0
        clock.seconds += 0.11


def test_refusals_leave_one_after_the_other(clock: Clock) -> None:
    """One alone leaves soon. A flood gets two a second, and no caller waits longer than ten seconds."""
    usage = Usage()
    assert usage.refuse() == REFUSAL_SECONDS
    pauses = [usage.refuse() for _ in range(30)]
    assert pauses[:4] == [1.0, 1.5, 2.0, 2.5]
    assert pauses[-12:] == [LONGEST_REFUSAL_SECONDS] * 12
    clock.seconds += 2
    assert usage.refuse() == 8.5
    clock.seconds += 100
    assert usage.refuse() == REFUSAL_SECONDS


def test_only_so_many_refusals_are_held(clock: Clock) -> None:
    assert clock
    usage = Usage(held=MOST_HELD - 1)
    assert usage.refuse() > 0
    usage.held += 1
    assert usage.refuse() == 0


def test_dialers_have_a_rate_of_their_own() -> None:
    limiter = Limiter(a_limit(per_second=5, dialing_per_second=10), a_limit(), a_limit())
    rates = {each: limiter.of_principal(a_principal(uuid4()), each)[1].limit.per_second for each in RouteClass}
    assert rates.pop(RouteClass.DIALING) == 10
    assert set(rates.values()) == {5}


def test_a_day_has_so_many_requests_and_bytes(clock: Clock) -> None:
    limiter = Limiter(a_limit(per_day=2, bytes_per_day=100), a_limit(), a_limit())
    agency = a_principal(uuid4())
    _, policy, usage = limiter.of_principal(agency, RouteClass.READ)
    usage.begin(policy)
    usage.begin(policy)
    refusal = refused(usage, policy)
    assert (refusal.reason, refusal.headers["Retry-After"]) == ("per_day", str(DAY_SECONDS // 2))
    assert usage.header(policy) == f'"read-day";r=0;t={DAY_SECONDS // 2}'
    _, policy, usage = limiter.of_principal(agency, RouteClass.WRITE)
    usage.begin(policy)
    usage.bytes += 100
    assert refused(usage, policy).reason == "bytes_per_day"
    assert usage.header(policy) == f'"write-bytes";r=0;t={DAY_SECONDS // 2}'
    clock.seconds += DAY_SECONDS / 2
    for route_class in (RouteClass.READ, RouteClass.WRITE):
        _, policy, usage = limiter.of_principal(agency, route_class)
        usage.begin(policy)


def test_so_many_requests_are_open_at_once() -> None:
    policy, usage = a_policy(open_at_once=2), Usage()
    usage.begin(policy)
    usage.begin(policy)
    assert refused(usage, policy).reason == "open_at_once"
    usage.open -= 1
    usage.begin(policy)


@pytest.mark.usefixtures("clock")
def test_the_headers_say_what_is_left() -> None:
    policy, usage = a_policy(per_second=8, per_day=1000, bytes_per_day=5000), Usage()
    assert policy.header == (
        b'"read";q=16;w=2, "read-day";q=1000;w=86400, "read-bytes";q=5000;qu="content-bytes";w=86400'
    )
    assert usage.header(policy) == '"read";r=16;t=0'
    for _ in range(8):
        usage.begin(policy)
    assert usage.header(policy) == '"read";r=8;t=1'
    for _ in range(24):
        usage.begin(policy)
    refused(usage, policy)
    assert usage.header(policy) == '"read";r=0;t=2'


def test_an_agency_is_one_caller_with_all_its_tokens_and_an_operator_one_with_its_subject() -> None:
    limiter = Limiter(a_limit(), a_limit(), a_limit())
    agency_id = uuid4()

    def usage(principal: Principal, route_class: RouteClass = RouteClass.READ) -> int:
        return id(limiter.of_principal(principal, route_class)[2])

    agency = usage(a_principal(agency_id, "ana"))
    assert usage(a_principal(agency_id, "eva")) == agency
    others = {
        usage(a_principal(agency_id), RouteClass.DIALING),
        usage(a_principal(uuid4())),
        usage(a_principal(subject=str(agency_id))),
        usage(a_principal(subject="eva")),
        id(limiter.of_address("127.0.0.1")[2]),
    }
    assert len(others | {agency}) == 6
    assert usage(a_principal(subject="eva")) in others


def test_idle_addresses_are_forgotten_and_days_of_agencies_are_not(clock: Clock) -> None:
    limiter = Limiter(a_limit(), a_limit(), a_limit())
    agency = a_principal(uuid4())
    kept, busy = limiter.of_principal(agency, RouteClass.READ)[2], limiter.of_address("busy")[2]
    busy.open += 1
    for n in range(3 * MAX_CALLERS):
        limiter.of_address(str(n))[2].begin(limiter.of_address(str(n))[1])
        limiter.of_address(str(n))[2].open -= 1
        clock.seconds += 0.01
    assert limiter.of_principal(agency, RouteClass.READ)[2] is kept
    assert limiter.of_address("busy")[2] is busy
    assert len(limiter._usages) <= MAX_CALLERS
