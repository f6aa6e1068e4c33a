"""The ladder of a portfolio: its steps, what may be asked before each, what each allows, and the default ladder."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from chassis import Distinct, InputModel
from pydantic import AfterValidator, Field, StrictInt
from recobro_events.contracts.dialer_feed import CampaignKind
from recobro_events.contracts.portfolio import ApproachStep

from portfolio.ladder.rules import STEPS
from portfolio.segments.conditions import SeenVersion, SegmentCode, Span, Words


class Fact(StrEnum):
    """A number that a ladder may ask of a contract, as of the business date.

    ``attempts`` and ``contacts`` are the calls and visits since the step before was reached, and those that reached the
    debtor. ``days_since_step`` are the days since then; before the first step of an episode they are unknown.
    """

    DAYS_PAST_DUE = "days_past_due"
    DEBT_AGE_DAYS = "debt_age_days"
    OVERDUE_BALANCE = "overdue_balance"
    TOTAL_BALANCE = "total_balance"
    ATTEMPTS = "attempts"
    CONTACTS = "contacts"
    DAYS_SINCE_STEP = "days_since_step"


GROW_BY_THE_DAY = (Fact.DAYS_PAST_DUE, Fact.DEBT_AGE_DAYS, Fact.DAYS_SINCE_STEP)


class StepConditions(InputModel):
    """A contract must meet every condition that is given before it reaches the step.

    ``last_answer`` is how the last call or visit ended, such as ``no_answer`` or ``refused``.
    """

    days_past_due: Span | None = None
    debt_age_days: Span | None = None
    overdue_balance: Span | None = None
    total_balance: Span | None = None
    attempts: Span | None = None
    contacts: Span | None = None
    days_since_step: Span | None = None
    segments: Distinct[Annotated[tuple[SegmentCode, ...], Field(min_length=1, max_length=50)]] | None = None
    last_answer: Distinct[Annotated[tuple[SegmentCode, ...], Field(min_length=1, max_length=50)]] | None = None


class MeansOfContact(StrEnum):
    MESSAGE = "message"
    CALL = "call"
    VISIT = "visit"
    LETTER = "letter"


class Allows(InputModel):
    """What may be done at a step: the kinds of contact, and the kinds of campaigns. Null: all of them; []: none."""

    contacts: Distinct[tuple[MeansOfContact, ...]] | None = None
    campaigns: Distinct[tuple[CampaignKind, ...]] | None = None


class LadderStep(InputModel):
    """A contract reaches ``step`` from the one before when it meets ``when``, and its notices were sent."""

    step: ApproachStep
    when: StepConditions = StepConditions()
    allows: Allows = Allows()


def _rising(steps: tuple[LadderStep, ...]) -> tuple[LadderStep, ...]:
    places = [STEPS.index(each.step) for each in steps]
    if places != sorted(set(places)):
        raise ValueError(f"must be in the order {', '.join(STEPS)}, each at most once")
    return steps


Steps = Annotated[tuple[LadderStep, ...], Field(min_length=1, max_length=len(STEPS)), AfterValidator(_rising)]
"""Steps of a ladder, from gentle to grave. A step that is left out is not taken."""


class Challenger(InputModel):
    """A second ladder, by which ``percent`` of the people are judged, to compare it with the first.

    A person and the ladder's version decide for all contracts of the person, always alike. A new version mixes anew.
    """

    percent: Annotated[StrictInt, Field(ge=1, le=99)]
    steps: Steps


class NewLadder(InputModel):
    """The steps, and those of a challenger. ``words`` name steps for people."""

    steps: Steps
    challenger: Challenger | None = None
    words: Annotated[dict[ApproachStep, Words], Field(default_factory=dict)]


class LadderPut(NewLadder):
    """``replaces`` is the version of the ladder that the person has seen. If another one holds, nothing changes. Null
    replaces any version."""

    replaces: SeenVersion | None = None


DEFAULT_VERSION = 0
_DEFAULTS: tuple[Mapping[str, Any], ...] = (
    {
        "step": "reminder",
        "when": {"days_past_due": {"min": 1}},
    },
    {
        "step": "direct_contact",
        "when": {"days_past_due": {"min": 8}, "days_since_step": {"min": 3}},
    },
    {
        "step": "extrajudicial_notice",
        "when": {"days_past_due": {"min": 31}, "days_since_step": {"min": 5}},
    },
    {
        "step": "judicial_notice",
        "when": {"days_past_due": {"min": 91}, "days_since_step": {"min": 15}},
        "allows": {"contacts": ["visit", "letter"], "campaigns": []},
    },
)
DEFAULT_STEPS = tuple(LadderStep.model_validate(step) for step in _DEFAULTS)
"""The ladder of the trade: external collection from day 31, the courts after day 90. No source prescribes the rest.

Before the courts it forbids nothing: a portfolio to which nobody has given a ladder is worked as it always was.
"""
DEFAULT_WORDS: Mapping[ApproachStep, Words] = MappingProxyType(
    {
        ApproachStep.REMINDER: Words(es="Recordatorio", pt="Lembrete", en="Reminder"),
        ApproachStep.DIRECT_CONTACT: Words(es="Contacto directo", pt="Contato direto", en="Direct contact"),
        ApproachStep.EXTRAJUDICIAL_NOTICE: Words(
            es="Notificación extrajudicial", pt="Notificação extrajudicial", en="Extrajudicial notice"
        ),
        ApproachStep.JUDICIAL_NOTICE: Words(
            es="Notificación judicial", pt="Notificação judicial", en="Judicial notice"
        ),
    }
)
