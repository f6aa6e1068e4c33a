"""The choice of an agency: a rule divides its contracts by the agencies' shares, as far as the agencies have room.

The choice of the rule is made in ``placement_rules.rules``.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Option:
    """An agency of a rule, with its service contract in force. A null ``capacity`` means no limit."""

    agency_id: UUID
    service_contract_id: UUID
    weight: int
    ends_on: date | None = None
    capacity: int | None = None


class Shares:
    """The agencies among which a rule divides its contracts, by weight and in the order of their ids."""

    def __init__(self, options: Iterable[Option]) -> None:
        self.options = sorted(options, key=lambda option: option.agency_id)
        self._bounds = list(accumulate(option.weight for option in self.options))

    def preferred(self, contract_id: UUID, rule_id: UUID) -> Sequence[Option]:
        """The agency that is drawn for the contract, then the others in the order in which they are tried after it.

        The order depends only on the two ids, the agencies and their weights.
        """
        if not self.options:
            return ()
        first = bisect_right(self._bounds, draw(contract_id, rule_id) % self._bounds[-1])
        return self.options[first:] + self.options[:first]


def draw(contract_id: UUID, rule_id: UUID) -> int:
    """The number of the contract under this rule: the first 8 bytes of the SHA-256 of both ids' bytes."""
    return int.from_bytes(hashlib.sha256(contract_id.bytes + rule_id.bytes).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Limit:
    """The number of further placements of ``kinds`` that an agency takes under a service contract."""

    service_contract_id: UUID
    agency_id: UUID
    kinds: frozenset[str]
    free: int


class Room:
    """The free places of agencies, counted down as they are taken."""

    def __init__(self, limits: Iterable[Limit] = ()) -> None:
        self._free: dict[UUID, int] = {}
        self._counting: dict[tuple[UUID, str], list[UUID]] = {}
        for limit in limits:
            self._free[limit.service_contract_id] = limit.free
            for kind in limit.kinds:
                self._counting.setdefault((limit.agency_id, kind), []).append(limit.service_contract_id)

    def take(self, option: Option, kind: str) -> bool:
        """Take a place with this agency; False when it is full.

        All service contracts of the agency for this kind count the place.
        """
        if self._free.get(option.service_contract_id, 1) <= 0:
            return False
        for counting in self._counting.get((option.agency_id, kind), ()):
            self._free[counting] -= 1
        return True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contract that a rule wants placed on ``day``. Operators have recalled it from the ``refused`` agencies."""

    contract_id: UUID
    kind: str
    rule_id: UUID
    day: date
    ordinal: int = 0
    refused: Sequence[UUID] = field(default=())


def assign(
    candidates: Iterable[Candidate], shares: Mapping[tuple[UUID, date], Shares], room: Room
) -> list[tuple[Candidate, Option]]:
    """Choose an agency for each candidate. Candidates for which no agency has room are left out.

    Candidates are considered in the order given. The first preferred agency that is neither full nor refused takes
    the contract.
    """
    chosen = []
    for candidate in candidates:
        rule_shares = shares.get((candidate.rule_id, candidate.day))
        for option in rule_shares.preferred(candidate.contract_id, candidate.rule_id) if rule_shares else ():
            if option.agency_id not in candidate.refused and room.take(option, candidate.kind):
                chosen.append((candidate, option))
                break
    return chosen


def is_taken_back(candidate: Candidate, shares: Mapping[tuple[UUID, date], Shares]) -> bool:
    """Whether every agency that could take the contract had it already, until somebody recalled it."""
    rule_shares = shares.get((candidate.rule_id, candidate.day))
    options = rule_shares.options if rule_shares else ()
    return bool(options) and all(option.agency_id in candidate.refused for option in options)
