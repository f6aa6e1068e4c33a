"""The profile of a jurisdiction: its rules as data, each with its source and our confidence in it.

The rules are defaults. Each user's counsel must check them.
"""

from datetime import date, time
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Generic, Literal, Self, TypeVar

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


class AllowedHours(_Data):
    """The hours of allowed contact, in the debtor's local time. A missing weekday has no allowed hours."""

    nationwide: Week | None = None
    regions: dict[str, Week] = {}
    days_by_creditor_kind: dict[str, tuple[Weekday, ...]] = {}
    never_on_holidays: bool = False

    def on(self, day: date, creditor_kind: str, region: str | None) -> tuple[time, time] | None:
        """Return the first and the last local time on ``day``, or None. Holidays are not considered."""
        week = self.regions.get(region or "", self.nationwide)
        weekday = _WEEKDAYS[day.weekday()]
        if week is None or weekday not in self.days_by_creditor_kind.get(creditor_kind, _WEEKDAYS):
            return None
        return week.get(weekday)


class CallFrequency(_Data):
    max_calls_per_7_days: int
    silent_days_after_conversation: int


class Dispute(_Data):
    """``verification_needs_proof``: a debt counts as verified only with the document and the proof that it was sent."""

    contact_stops: bool
    verification_before_contact: bool
    verification_needs_proof: bool = False


class PhoneNumbers(_Data):
    calling_code: int
    national_digits: tuple[int, ...]
    old_prefixes: tuple[str, ...] = ()


class TaxId(_Data):
    name: str
    lengths: tuple[int, ...]


class TimeZone(_Data):
    """``default`` is the portfolio's zone. With ``elsewhere``, places without a known zone have it too."""

    default: str
    elsewhere: bool = True


class PostalCode(_Data):
    digits: int
    prefix_digits: int


class State(_Data):
    """A state or province: other spellings of its name, its time zone, the first digits of its postal codes."""

    also: tuple[str, ...] = ()
    postal_prefixes: tuple[str, ...] = ()
    zone: str | None = None
    municipalities: dict[str, tuple[str, ...]] = {}


class Profile(_Data):
    """The rules of one jurisdiction."""

    code: str
    name: str
    regulators: Rule[tuple[str, ...]]
    allowed_hours: Rule[AllowedHours]
    call_frequency: Rule[CallFrequency]
    contactable_people: Rule[tuple[str, ...]]
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
    uncollectible: Rule[tuple[str, ...]]
    phone: Rule[PhoneNumbers]
    tax_id: Rule[TaxId]
    holidays: Rule[str]
    timezone: Rule[TimeZone]
    postal_code: Rule[PostalCode]
    states: dict[str, State] = {}


@cache
def _profiles() -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for entry in resources.files("jurisdictions").joinpath("data").iterdir():
        if entry.name.endswith(".yaml"):
            loaded = Profile.model_validate(yaml.safe_load(entry.read_text(encoding="utf-8")))
            found[loaded.code] = loaded
    return found


def codes() -> tuple[str, ...]:
    """Return the codes (ISO 3166-1) of all jurisdictions, sorted."""
    return tuple(sorted(_profiles()))


def profile(code: str) -> Profile:
    """Return the profile of ``code``. Raises ``UnknownJurisdiction`` if there is none."""
    try:
        return _profiles()[code]
    except KeyError:
        raise UnknownJurisdiction(code) from None
