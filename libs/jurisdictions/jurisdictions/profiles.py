"""The profile of a jurisdiction: its rules as data, each with its source and our confidence in it.

The rules are defaults. Each user's counsel must check them.
"""

from datetime import date, time
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Generic, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

T = TypeVar("T")


class UnknownJurisdiction(KeyError):
    """No profile has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"no jurisdiction {self.code!r}; there are {', '.join(codes())}"


class Confidence(StrEnum):
    STATUTE = "P"
    REGULATION = "Q"
    SECONDARY = "S"
    DEFAULT = "default"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Data, Generic[T]):
    """A rule's value and its source.

    If ``exists`` is true and ``value`` is None, the rule is unknown: the creditor's own policy must supply it, or the
    platform stays silent. If ``exists`` is false, the jurisdiction has no such rule.
    """

    value: T | None = None
    exists: bool = True
    source: str | None = None
    confidence: Confidence | None = None

    @model_validator(mode="after")
    def _a_value_has_a_source(self) -> Self:
        if self.value is not None and not (self.exists and self.source and self.confidence):
            raise ValueError("a value needs a source and a confidence")
        return self


Week = dict[Weekday, tuple[time, time]]


class RegionHours(_Data):
    """The hours of a region that has a law of its own, with their source."""

    week: Week
    source: str
    confidence: Confidence


class AllowedHours(_Data):
    """The hours of allowed contact, in the debtor's local time. A missing weekday has no allowed hours.

    ``regions`` have hours of their own, by their code. ``other_regions`` are the hours of the known regions without,
    ``nationwide`` those where the region is not known. Without ``other_regions``, ``nationwide`` holds for them too.
    """

    nationwide: Week | None = None
    other_regions: Week | None = None
    regions: dict[str, RegionHours] = {}
    days_by_creditor_kind: dict[str, tuple[Weekday, ...]] = {}
    never_on_holidays: bool = False

    def on(self, day: date, creditor_kind: str, region: str | None) -> tuple[time, time] | None:
        """Return the first and the last local time on ``day``, or None. Holidays are not considered."""
        weekday = _WEEKDAYS[day.weekday()]
        week = self.nationwide
        if region in self.regions:
            week = self.regions[region].week
        elif region is not None and self.other_regions is not None:
            week = self.other_regions
        if week is None or weekday not in self.days_by_creditor_kind.get(creditor_kind, _WEEKDAYS):
            return None
        return week.get(weekday)


class CallFrequency(_Data):
    """Unless ``unconnected_count``, calls that never connected do not count towards the caps.

    ``counts`` are the media that count together. ``conversation_day_counts``: the day of a conversation is the first of
    the silent days.
    """

    max_calls_per_7_days: int
    silent_days_after_conversation: int
    unconnected_count: bool = True
    counts: tuple[Literal["call", "message", "visit"], ...] = ("call", "message", "visit")
    conversation_day_counts: bool = True


class VisitFrequency(_Data):
    """The most visits to a person within so many days, the last day included."""

    most: int
    days: int


class ContactablePeople(_Data):
    """Who may be contacted about a debt, besides the debtor, by role.

    ``always`` may be as long as the debtor may be. Only ``while_represented`` may be while a lawyer represents the
    debtor. ``conditions`` are applied by people, in words.
    """

    always: tuple[str, ...] = ()
    while_represented: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Dispute(_Data):
    """``verification_needs_proof``: a debt counts as verified only with the document and the proof that it was sent."""

    contact_stops: bool
    verification_before_contact: bool
    verification_needs_proof: bool = False


class PhoneNumbers(_Data):
    calling_code: int
    national_digits: tuple[int, ...]
    old_prefixes: tuple[str, ...] = ()


class TaxIdForm(_Data):
    """The tax ids of people, or those of companies: their length, and the name of the check of their digits."""

    characters: int
    check: str


class TaxId(_Data):
    """``generic`` are written where the true one is not known, so they are nobody's."""

    name: str
    person: TaxIdForm
    company: TaxIdForm
    generic: tuple[str, ...] = ()


class TimeZone(_Data):
    """``default`` is the portfolio's zone. With ``elsewhere``, states and area codes without a zone have it too."""

    default: str
    elsewhere: bool = True


class PostalCode(_Data):
    digits: int
    prefix_digits: int


class State(_Data):
    """A state or province: its code, its names, and how postal codes, area codes and municipalities tell its zones.

    ``zone`` is the zone of the state, or of most of it; ``also_zones`` are those of parts that nothing here tells
    apart. ``municipalities`` are listed by zone, and so are the area codes of ``area_zones``; ``area_codes`` may be
    anywhere in the state. ``postal_prefixes`` are first digits, or ranges of them such as 010-027. A ``remote`` state
    is left out where nothing is known of a debtor's place.
    """

    code: str
    also: tuple[str, ...] = ()
    postal_prefixes: tuple[str, ...] = ()
    zone: str | None = None
    also_zones: tuple[str, ...] = ()
    municipalities: dict[str, tuple[str, ...]] = {}
    area_codes: tuple[str, ...] = ()
    area_zones: dict[str, tuple[str, ...]] = {}
    remote: bool = False


class _Places(_Data):
    """The file of a country's states. ``homonyms`` are municipalities whose name does not tell their state."""

    sources: dict[str, str]
    homonyms: tuple[str, ...] = ()
    states: dict[str, State]


class Profile(_Data):
    """The rules of one jurisdiction."""

    code: str
    name: str
    regulators: Rule[tuple[str, ...]]
    allowed_hours: Rule[AllowedHours]
    call_frequency: Rule[CallFrequency]
    visit_frequency: Rule[VisitFrequency] = Rule(exists=False)
    contactable_people: Rule[ContactablePeople]
    contact_data_sources: Rule[tuple[str, ...]]
    agency_may_take_money: Rule[bool]
    first_notice_must_state: Rule[tuple[str, ...]]
    dispute: Rule[Dispute]
    dispute_answer_days: Rule[int]
    dispute_warning_days: Rule[int]
    opt_out: Rule[tuple[str, ...]]
    moratorium: Rule[tuple[str, ...]]
    time_barred: Rule[tuple[str, ...]]
    credit_bureau: Rule[tuple[str, ...]]
    record_keeping: Rule[tuple[str, ...]]
    records_years: Rule[int] = Rule()
    """The years for which evidence of contact is kept after the last activity about a contract."""
    uncollectible: Rule[tuple[str, ...]]
    phone: Rule[PhoneNumbers]
    tax_id: Rule[TaxId]
    holidays: Rule[str]
    timezone: Rule[TimeZone]
    postal_code: Rule[PostalCode]
    postal_digits: int = 0
    """The digits of a postal code that tells the state; 0 where none does."""
    further: dict[str, Rule[tuple[str, ...]]] = {}
    """Rules that people apply, in words."""
    homonyms: tuple[str, ...] = ()
    states: dict[str, State] = {}
    caller_ids_registered: Rule[bool] = Rule(exists=False)
    """Whether agencies may call only from numbers in the regulator's register."""
    suppression_lists: Rule[tuple[str, ...]] = Rule(exists=False)
    """The names of the official lists of numbers that nobody may call."""


_DATA = resources.files("jurisdictions").joinpath("data")


def _files(folder: str) -> dict[str, Any]:
    """Return the content of each file of this folder of ``data``, by its name without the ending."""
    entries = (entry for entry in _DATA.joinpath(folder).iterdir() if entry.name.endswith(".yaml"))
    return {
        entry.name.removesuffix(".yaml"): yaml.load(entry.read_bytes(), Loader=yaml.CSafeLoader) for entry in entries
    }


@cache
def _profiles() -> dict[str, Profile]:
    places = {code: _Places.model_validate(content) for code, content in _files("places").items()}
    return {
        code: Profile.model_validate({**content, "homonyms": places[code].homonyms, "states": places[code].states})
        for code, content in _files(".").items()
    }


@cache
def _regional_profiles() -> dict[tuple[str, str], Profile]:
    """Return the profiles of regions whose rules differ. Their files hold the differences from their country's."""
    found: dict[tuple[str, str], Profile] = {}
    for content in _files("regions").values():
        code, _, region = content["code"].partition("-")
        found[code, region] = Profile.model_validate({**dict(profile(code)), **content})
    return found


def codes() -> tuple[str, ...]:
    """Return the codes (ISO 3166-1) of all countries with a profile, sorted."""
    return tuple(sorted(_profiles()))


def regions() -> tuple[tuple[str, str], ...]:
    """Return country and region of each region whose rules differ from its country's, such as US and MA, sorted."""
    return tuple(sorted(_regional_profiles()))


def profile(code: str) -> Profile:
    """Return the profile of ``code``. Raises ``UnknownJurisdiction`` if there is none."""
    try:
        return _profiles()[code]
    except KeyError:
        raise UnknownJurisdiction(code) from None


def profile_of_region(code: str, region: str | None) -> Profile:
    """Return the profile of a country's region, such as MA of US. A region without one has its country's."""
    country = profile(code)
    return _regional_profiles().get((code, region), country) if region else country
