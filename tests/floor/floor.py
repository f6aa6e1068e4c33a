"""The state of a floor that is played: the services, the contracts of the model, and what was played."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.testing import mint
from floor.facts import Person
from floor.model import Contract, Rule
from services_in_process import InProcessPlatform

ZONE = ZoneInfo("America/Mexico_City")


class Difference(AssertionError):
    """The services and the model disagree."""


@dataclass
class Agency:
    """``told`` is what the agency has read of its stream: contract → silence → reason, first and last day."""

    agency_id: str
    one_per_person: bool
    """Whether a person has one entry on the agency's list."""
    campaign_id: str = ""
    list_id: str = ""
    old_list_id: str = ""
    old_named: dict[str, list[Contract]] = field(default_factory=dict)
    """The contracts that the entries of yesterday's list still named at its end, by the number of the lead."""
    most_attempts: int = 0
    """How often a person may be called in seven days, by whomever, to be on the agency's next list."""
    cursor: int = 0
    wrongful_calls: int = 0
    wrongful_after_acknowledgement: int = 0
    position: str | None = None
    told: dict[str, dict[str, tuple[str, date | None, date | None]]] = field(default_factory=dict)
    believed: list[Contract] = field(default_factory=list)
    """The contracts of the agency's last list that nothing had silenced when it read its stream a day ago."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(agency_id=UUID(self.agency_id))}"}


def has_entry(one: Contract, agency: Agency) -> bool:
    """Whether the contract got an entry of its own on the agency's list of the day."""
    return one.entry is not None and one.entry.campaign == agency.agency_id and one.entry.lead is None


@dataclass
class Floor:
    platform: InProcessPlatform
    seed: int
    contracts_wanted: int
    share_changed: float
    day: date = field(default_factory=lambda: datetime.now(ZONE).date() + timedelta(days=1))
    """The business date. It lies ahead of the clock, so that the clock decides about no silence."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.contracts: list[Contract] = []
        self.people: list[Person] = []
        self.agencies: list[Agency] = []
        self.portfolio_id = ""
        self.rule: Rule
        self.played: Counter[str] = Counter()
        self.names = 0

    def noon(self) -> datetime:
        return datetime.combine(self.day, time(12), ZONE)

    def tell(self, one: Contract, words: str) -> None:
        one.story.append(f"{self.day} {words}")

    def followed(self, one: Contract) -> None:
        """The rules follow a change of the contract."""
        one.judge_promises(self.day)
        one.review(self.day, self.rule)

    def change_status(self, one: Contract, status: str) -> None:
        """The status reaches all contracts of the person."""
        one.person.status = status
        for theirs in self.contracts:
            if theirs.person is one.person:
                self.tell(theirs, f"{one.person.number} is {status}")
                theirs.cancel_visits(self.day, disputed_or_final=status if status != "active" else None)
                self.followed(theirs)

    def wrongful(self) -> set[tuple[str, str]]:
        """Contracts and agencies that must not call them now."""
        return {
            (one.number, agency.agency_id)
            for one in self.contracts
            for agency in self.agencies
            if one.is_wrongful(self.day, agency.agency_id)
        }

    def differ(self, one: Contract, what: str, found: Any, expected: Any) -> None:
        story = "\n  ".join(one.story)
        raise Difference(
            f"seed {self.seed}, {self.day}, contract {one.number} ({one.contract_id}), {what}:"
            f" the services say {found}, the model {expected}\n  {story}"
        )
