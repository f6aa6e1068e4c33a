"""What a rule of segments may ask of a contract, and the default rules, without I/O.

The conditions are evaluated in SQL for many contracts at once (``queries``); their facts are named here only.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from chassis import Distinct, InputModel, ShortText, Written
from chassis.models import INT4_MAX
from pydantic import Field, StrictInt, model_validator
from recobro_events.contracts.portfolio import DebtorStatus

MAX_RULES = 50
SegmentCode = Annotated[
    str,
    Written("[a-z][a-z0-9_]{0,39}", "must be a code of small letters, digits and _, such as slow_payer"),
    Field(examples=["chronic"]),
]
"""A segment. Its words in each language are data of the portfolio."""


class Fact(StrEnum):
    """A number that is known of each contract as of the business date. Days are calendar days.

    ``average_late_days`` and ``paid_late`` are of the instalments that payments have paid whole. Payments that were
    reversed count nowhere. ``debt_age_days`` counts from the oldest unpaid due date, also over paused days, and
    ``days_past_due`` without them. ``paid_percent`` is received / (received + total balance). The days since the last
    payment or since the debtor was last reached, on the phone or at the door, are unknown where that never happened.
    """

    EPISODES = "episodes"
    INSTALMENTS_BEHIND = "instalments_behind"
    DAYS_PAST_DUE = "days_past_due"
    DEBT_AGE_DAYS = "debt_age_days"
    TOTAL_BALANCE = "total_balance"
    OVERDUE_BALANCE = "overdue_balance"
    PAID_INSTALMENTS = "paid_instalments"
    PAID_LATE = "paid_late"
    AVERAGE_LATE_DAYS = "average_late_days"
    PAID_PERCENT = "paid_percent"
    BROKEN_PROMISES = "broken_promises"
    DAYS_SINCE_PAYMENT = "days_since_payment"
    DAYS_SINCE_CONTACT = "days_since_contact"


GROW_BY_THE_DAY = (Fact.DAYS_PAST_DUE, Fact.DEBT_AGE_DAYS, Fact.DAYS_SINCE_PAYMENT, Fact.DAYS_SINCE_CONTACT)
"""Facts that time alone changes, by one a day at most. All others change with an event."""

MOST = 999_999_999_999
"""The largest bound: that of a balance."""
Bound = Annotated[StrictInt, Field(ge=0, le=MOST)]


class Span(InputModel):
    """From ``min`` to ``max``, both included. A fact that is unknown is above every ``min`` and fits no ``max``."""

    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _has_room(self) -> "Span":
        if self.min is None and self.max is None:
            raise ValueError("must have min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class SegmentConditions(InputModel):
    """A contract must meet every condition that is given."""

    episodes: Span | None = None
    instalments_behind: Span | None = None
    days_past_due: Span | None = None
    debt_age_days: Span | None = None
    total_balance: Span | None = None
    overdue_balance: Span | None = None
    paid_instalments: Span | None = None
    paid_late: Span | None = None
    average_late_days: Span | None = None
    paid_percent: Span | None = None
    broken_promises: Span | None = None
    days_since_payment: Span | None = None
    days_since_contact: Span | None = None
    debtor_status: Distinct[Annotated[tuple[DebtorStatus, ...], Field(min_length=1)]] | None = None


class SegmentRule(InputModel):
    """Contracts that meet ``when`` belong to ``segment``, unless an earlier rule fits."""

    segment: SegmentCode
    when: SegmentConditions


class Words(InputModel):
    """How a segment is called."""

    es: ShortText
    pt: ShortText
    en: ShortText


class NewSegmentRules(InputModel):
    """The rules in their order: the first that fits decides. A contract that no rule fits has no segment.

    ``words`` name segments for people; a segment without words is shown by its code.
    """

    rules: Annotated[tuple[SegmentRule, ...], Field(max_length=MAX_RULES)]
    words: Annotated[dict[SegmentCode, Words], Field(max_length=MAX_RULES, default_factory=dict)]


SeenVersion = Annotated[int, Field(ge=0, le=INT4_MAX)]
"""The version that a person has seen before changing it."""


class SegmentRulesPut(NewSegmentRules):
    """``replaces`` is the version of the rules that the person has seen. If another one holds, nothing changes. Null
    replaces any version."""

    replaces: SeenVersion | None = None


DEFAULT_VERSION = 0
_DEFAULTS: tuple[Mapping[str, Any], ...] = (
    {"segment": "insolvent", "when": {"debtor_status": ["insolvent"]}},
    {
        "segment": "insolvent",
        "when": {"debt_age_days": {"min": 181}, "paid_percent": {"max": 5}, "instalments_behind": {"min": 3}},
    },
    {"segment": "chronic", "when": {"episodes": {"min": 3}, "instalments_behind": {"min": 2}}},
    {"segment": "slow_payer", "when": {"paid_instalments": {"min": 3}, "average_late_days": {"min": 5}}},
    {
        "segment": "first_default",
        "when": {
            "episodes": {"max": 1},
            "days_past_due": {"min": 1},
            "average_late_days": {"max": 4},
            "broken_promises": {"max": 0},
        },
    },
)
DEFAULT_RULES = tuple(SegmentRule.model_validate(rule) for rule in _DEFAULTS)
"""The four segments of the trade. No source prescribes the numbers."""
DEFAULT_WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "first_default": Words(es="Primer atraso", pt="Primeiro atraso", en="First default"),
        "slow_payer": Words(es="Pagador lento", pt="Pagador lento", en="Slow payer"),
        "chronic": Words(es="Moroso crónico", pt="Devedor crônico", en="Chronic"),
        "insolvent": Words(es="Insolvente", pt="Insolvente", en="Insolvent"),
    }
)
