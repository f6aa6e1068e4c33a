"""Limits of what one caller may ask of a process: rate, requests at once, requests and bytes a day.

A caller is an agency with all of its tokens, or the subject of an operator's token, or an address without a token. Each
class of routes is counted by itself. The counts are kept in the process and begin anew with it.
"""

import math
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fastapi import Depends

from chassis.gates import Gate
from chassis.principals import Principal
from chassis.problems import Problem

WINDOW_SECONDS = 2
"""A caller that was idle may send the requests of this time at once."""
PATIENCE_SECONDS = 2.0
"""A request that is too early by no more than this waits, and is not refused."""
REFUSALS_PER_SECOND = 2
"""Refusals of one caller leave at this rate."""
REFUSAL_SECONDS, LONGEST_REFUSAL_SECONDS = 0.9, 10.0
"""A refusal is held for at least and at most so long."""
MOST_HELD = 100
"""Of one caller at most so many refusals are held; any further one leaves at once."""
DAY_SECONDS = 86400
MAX_CALLERS = 10_000


class RouteClass(StrEnum):
    """The kind of work that a route does. A flood of one kind does not use up the limits of another."""

    READ = "read"
    WRITE = "write"
    DIALING = "dialing"
    TRANSFER = "transfer"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ClassOf:
    """Marks a route with its class."""

    route_class: RouteClass

    async def __call__(self) -> None:
        """Does nothing: the route reads the marker before it admits the request."""


DIALING = Depends(ClassOf(RouteClass.DIALING))
"""For ``dependencies=[…]`` of a route that a dialer calls while it dials."""

TRANSFER = Depends(ClassOf(RouteClass.TRANSFER))
"""For ``dependencies=[…]`` of a route with a large answer. It keeps its place until the client has read the answer."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one caller may ask for in each class.

    ``at_once`` bounds the requests that work, ``open_at_once`` those that work, wait or are being answered.
    ``all_at_once`` bounds the working requests of all callers of the kind together. ``dialing_per_second`` replaces
    ``per_second`` in the class of dialers.
    """

    per_second: int
    per_day: int
    bytes_per_day: int
    at_once: int
    all_at_once: int
    open_at_once: int
    dialing_per_second: int | None = None


ADDRESS_LIMIT = Limit(
    per_second=20, per_day=10_000_000, bytes_per_day=10**12, at_once=100, all_at_once=1000, open_at_once=100
)
"""For what is open to everyone, such as health and metrics, and for answers to no known caller."""


class TooMany(Problem):
    """The caller exceeds a limit. ``reason`` is the limit's name. Nothing was changed."""

    status = 429
    code = "rate-limited"

    def __init__(self, reason: str, detail: str, retry_seconds: float) -> None:
        super().__init__(detail)
        self.reason = reason
        self.headers = {"Retry-After": str(max(1, math.ceil(retry_seconds)))}


@dataclass(slots=True)
class Policy:
    """The limit of one kind of callers in one class, with its gate and its ``RateLimit-Policy``."""

    name: RouteClass
    limit: Limit
    gate: Gate
    interval_seconds: float = field(init=False)
    header: bytes = field(init=False)

    def __post_init__(self) -> None:
        limit, name = self.limit, self.name
        self.interval_seconds = 1 / limit.per_second
        self.header = (
            f'"{name}";q={limit.per_second * WINDOW_SECONDS};w={WINDOW_SECONDS},'
            f' "{name}-day";q={limit.per_day};w={DAY_SECONDS},'
            f' "{name}-bytes";q={limit.bytes_per_day};qu="content-bytes";w={DAY_SECONDS}'
        ).encode()


@dataclass(slots=True)
class Usage:
    """What a caller has asked for in one class.

    ``spent_until`` is when its rate is whole again. ``held`` counts its refusals that have not left yet; the last of
    them leaves at ``refused_until``.
    """

    spent_until: float = 0.0
    day: int = 0
    requests: int = 0
    bytes: int = 0
    open: int = 0
    held: int = 0
    refused_until: float = 0.0

    def begin(self, policy: Policy) -> float:
        """Count a request and return how many seconds it should wait. Raises ``TooMany``."""
        limit = policy.limit
        if self.requests >= limit.per_day:
            detail = f"You may send {limit.per_day} requests of this kind a day."
            raise TooMany("per_day", detail, seconds_to_midnight())
        if self.bytes >= limit.bytes_per_day:
            detail = f"You may transfer {limit.bytes_per_day} bytes with requests of this kind a day."
            raise TooMany("bytes_per_day", detail, seconds_to_midnight())
        if self.open >= limit.open_at_once:
            detail = f"You may have {limit.open_at_once} requests of this kind open at once."
            raise TooMany("open_at_once", detail, 1)
        if not self.spend(policy, PATIENCE_SECONDS):
            detail = f"You may send {limit.per_second} requests of this kind a second."
            raise TooMany("per_second", detail, self.ahead_seconds() - WINDOW_SECONDS)
        self.requests += 1
        self.open += 1
        return self.ahead_seconds() - WINDOW_SECONDS

    def spend(self, policy: Policy, patience_seconds: float = 0.0) -> bool:
        """Take a request from the rate, or return False if none is left. The algorithm is GCRA (ITU-T I.371)."""
        now = time.monotonic()
        spent_until = max(self.spent_until, now) + policy.interval_seconds
        if spent_until - now > WINDOW_SECONDS + patience_seconds:
            return False
        self.spent_until = spent_until
        return True

    def refuse(self) -> float:
        """Return how many seconds to hold a refusal, so that refusals leave one after the other."""
        if self.held >= MOST_HELD:
            return 0.0
        now = time.monotonic()
        leaves_at = max(self.refused_until, now) + 1 / REFUSALS_PER_SECOND
        self.refused_until = min(leaves_at, now + LONGEST_REFUSAL_SECONDS)
        return max(REFUSAL_SECONDS, self.refused_until - now)

    def ahead_seconds(self) -> float:
        return max(0.0, self.spent_until - time.monotonic())

    def header(self, policy: Policy) -> str:
        """The ``RateLimit`` of draft-ietf-httpapi-ratelimit-headers: the limit with the fewest requests left."""
        ahead, left_of_day = self.ahead_seconds(), policy.limit.per_day - self.requests
        left = max(0, int((WINDOW_SECONDS - ahead) / policy.interval_seconds))
        if self.bytes >= policy.limit.bytes_per_day:
            return f'"{policy.name}-bytes";r=0;t={math.ceil(seconds_to_midnight())}'
        if left_of_day < left:
            return f'"{policy.name}-day";r={left_of_day};t={math.ceil(seconds_to_midnight())}'
        return f'"{policy.name}";r={left};t={math.ceil(ahead if left else max(1, ahead - WINDOW_SECONDS))}'


class Limiter:
    """The usages of all callers of a process."""

    def __init__(self, agencies: Limit, operators: Limit, addresses: Limit) -> None:
        kinds = {"agency": agencies, "operator": operators, "address": addresses}
        self._policies = {kind: _policies_of(limit) for kind, limit in kinds.items()}
        self._usages: dict[tuple[str, str, RouteClass], Usage] = {}

    def of_principal(self, principal: Principal, route_class: RouteClass) -> tuple[str, Policy, Usage]:
        """The caller, its policy and its usage."""
        if principal.agency_id is not None:
            return self._find("agency", str(principal.agency_id), route_class)
        return self._find("operator", principal.subject, route_class)

    def of_address(self, address: str) -> tuple[str, Policy, Usage]:
        return self._find("address", address, RouteClass.OPEN)

    def _find(self, kind: str, caller: str, route_class: RouteClass) -> tuple[str, Policy, Usage]:
        key, today = (kind, caller, route_class), int(time.time() // DAY_SECONDS)
        usage = self._usages.get(key)
        if usage is None:
            if len(self._usages) >= MAX_CALLERS:
                self._forget_idle_addresses()
            usage = self._usages[key] = Usage(day=today)
        elif usage.day != today:
            usage.day, usage.requests, usage.bytes = today, 0, 0
        return caller, self._policies[kind][route_class], usage

    def _forget_idle_addresses(self) -> None:
        """Callers with a token stay: there are only as many as tokens were issued, and their days are counted."""
        for key, usage in list(self._usages.items()):
            if key[0] == "address" and not usage.open and not usage.ahead_seconds():
                del self._usages[key]


def _policies_of(limit: Limit) -> dict[RouteClass, Policy]:
    shared = Gate(limit.all_at_once, limit.at_once)
    gates = {
        RouteClass.READ: shared,
        RouteClass.WRITE: shared,
        RouteClass.DIALING: Gate(limit.all_at_once, limit.at_once),
        # A transfer keeps its place while its client is slow, so callers share no places.
        RouteClass.TRANSFER: Gate(MAX_CALLERS, limit.at_once),
        RouteClass.OPEN: Gate(limit.all_at_once, limit.at_once),
    }
    dialing = replace(limit, per_second=limit.dialing_per_second or limit.per_second)
    return {
        route_class: Policy(route_class, dialing if route_class is RouteClass.DIALING else limit, gate)
        for route_class, gate in gates.items()
    }


def seconds_to_midnight() -> float:
    """Seconds to the end of the day in UTC, when the counts of a day begin anew."""
    return DAY_SECONDS - time.time() % DAY_SECONDS
