"""What may be offered, to whom and for how long, as a creditor writes it."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self

from chassis import Amount, Day, Distinct, InputModel, Percent, ShortText
from chassis.models import INT4_MAX
from pydantic import AfterValidator, Field, model_validator
from recobro_events.contracts.portfolio import Stage
from recobro_events.contracts.promises import AgreementKind, MadeIn

from promises.offers.schedules import Frequency

MOST_RULES = 50
MOST_STEPS = 10
MOST_DAYS = 10_000
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
Names = Distinct[Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=50)]]


_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}", re.ASCII)


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError("must have 1 to 20 capital letters, digits and hyphens")
    return text


Code = Annotated[ShortText, AfterValidator(_code)]


class When(InputModel):
    """The contracts to which a rule applies. Every condition that is given has to hold; bounds are inclusive.

    ``channels`` are the ways in which the debtor is asked. A contract whose segment or product is not known meets no
    condition on it.
    """

    stages: Distinct[Annotated[tuple[Stage, ...], Field(min_length=1, max_length=len(Stage))]] | None = None
    segments: Names | None = None
    products: Names | None = None
    channels: Distinct[Annotated[tuple[MadeIn, ...], Field(min_length=1, max_length=len(MadeIn))]] | None = None
    min_days_past_due: Days | None = None
    max_days_past_due: Days | None = None
    min_balance: Amount | None = None
    max_balance: Amount | None = None


class Step(InputModel):
    """Who pays the first time at most ``pay_within_days`` after the offer is let off ``discount_percent``."""

    pay_within_days: Annotated[int, Field(ge=0, le=366)]
    discount_percent: Percent = Decimal(0)


class OfferRule(InputModel):
    """One offer. Every step is an offer of its own; the earlier payment has the higher discount.

    The total balance less the discount is paid in ``instalments`` equal amounts, the first one by the step's day. With
    ``first_payment_percent`` the first one is that share of what is paid. ``incentive`` is what the debtor gets beside
    it, in words. An offer holds for ``valid_days``. With ``needs_approval`` a second person approves each agreement.
    """

    code: Code
    kind: AgreementKind = AgreementKind.SETTLEMENT
    when: When = When()
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MOST_STEPS)]
    instalments: Annotated[int, Field(ge=1, le=60)] = 1
    frequency: Frequency = Frequency.MONTHLY
    first_payment_percent: Annotated[Percent, Field(gt=0, lt=100)] | None = None
    incentive: ShortText | None = None
    valid_days: Annotated[int, Field(ge=0, le=90)]
    starts_on: Day | None = None
    ends_on: Day | None = None
    needs_approval: bool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        percents = [step.discount_percent for step in self.steps]
        gives_nothing = self.kind is AgreementKind.PLAN
        if gives_nothing and (max(percents) > 0 or self.instalments == 1):
            raise ValueError("must have no discount and several instalments in a plan")
        if self.kind in (AgreementKind.SETTLEMENT, AgreementKind.FORGIVENESS) and min(percents) == 0:
            raise ValueError("must have a discount in every step")
        if max(percents) >= 100:
            raise ValueError("must leave something to pay")
        if any(b.pay_within_days <= a.pay_within_days for a, b in pairwise(self.steps)):
            raise ValueError("must have steps in rising order of days")
        if any(b > a for a, b in pairwise(percents)):
            raise ValueError("must not give a later payment a higher discount")
        if self.first_payment_percent is not None and self.instalments == 1:
            raise ValueError("must have several instalments for a first payment")
        return self


class Recovery(InputModel):
    """Of a contract that is at most ``up_to_days_past_due`` late, ``percent`` of the balance is expected anyway."""

    up_to_days_past_due: Days | None = None
    percent: Percent


class Pricing(InputModel):
    """What money is worth later, and what is expected without an offer.

    Of several bands the first one that fits counts; the last one may have no bound. With ``only_above_expected``
    nothing is offered that is worth less than the expected recovery.
    """

    yearly_rate_percent: Percent = Decimal(0)
    recovery: Annotated[tuple[Recovery, ...], Field(max_length=20)] = ()
    only_above_expected: bool = False


class NewOfferRules(InputModel):
    """All rules. They replace the rules in force."""

    rules: Annotated[tuple[OfferRule, ...], Field(max_length=MOST_RULES)]
    pricing: Pricing = Pricing()

    @model_validator(mode="after")
    def _each_code_once(self) -> Self:
        if len({rule.code for rule in self.rules}) < len(self.rules):
            raise ValueError("must have each code once")
        return self


class OfferRulesPut(NewOfferRules):
    """``replaces`` is the version of the rules that the person has seen. If another one is in force, nothing changes.
    Null replaces any version."""

    replaces: Annotated[int, Field(ge=0, le=INT4_MAX)] | None = None
