"""What the rules offer on a contract: amounts, days, price, and why. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from recobro_events.contracts.promises import AgreementKind, MadeIn

from promises.offers.models import OfferRule, Pricing, When
from promises.offers.schedules import due_days, split

_CENT = Decimal("0.01")
_DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at in a contract. ``day`` is the day on which the offer is made."""

    day: date
    balance: Decimal
    days_past_due: int | None
    stage: str | None
    segment: str | None
    product: str | None
    channel: MadeIn | None


@dataclass(frozen=True, slots=True)
class Made:
    """One offer. ``why`` names the conditions of its rule with the contract's values."""

    rule: OfferRule
    step: int
    discount: Decimal
    schedule: tuple[tuple[date, Decimal], ...]
    valid_until: date
    present_value: Decimal
    expected_recovery: Decimal
    why: tuple[str, ...]

    @property
    def kind(self) -> AgreementKind:
        return self.rule.kind

    @property
    def total(self) -> Decimal:
        return sum((amount for _, amount in self.schedule), Decimal("0.00"))


def offers_of(rules: Sequence[OfferRule], pricing: Pricing, facts: Facts) -> Iterator[Made]:
    """Yield every offer that the rules make on this contract, by rule and step."""
    for rule in rules:
        why = why_eligible(rule, facts)
        for step in range(len(rule.steps)) if why is not None else ():
            made = offer_of(rule, step, pricing, facts, why or ())
            if made is not None and not is_below(made, pricing):
                yield made


def is_below(made: Made, pricing: Pricing) -> bool:
    """Whether the offer is not made because more is expected without it."""
    return pricing.only_above_expected and made.present_value < made.expected_recovery


def why_eligible(rule: OfferRule, facts: Facts) -> tuple[str, ...] | None:
    """Return the conditions of the rule with the contract's values; None where one of them does not hold."""
    begins, ends = rule.starts_on or date.min, rule.ends_on or date.max
    if facts.balance <= 0 or not begins <= facts.day <= ends:
        return None
    why = [f"valid {rule.starts_on or '…'}–{rule.ends_on or '…'}"] if rule.starts_on or rule.ends_on else []
    for name, holds, said in _conditions(rule.when, facts):
        if not holds:
            return None
        why.append(f"{name} {said}")
    return tuple(why)


def _conditions(when: When, facts: Facts) -> Iterator[tuple[str, bool, object]]:
    for name, wanted, value in (
        ("stage", when.stages, facts.stage),
        ("segment", when.segments, facts.segment),
        ("product", when.products, facts.product),
        ("channel", when.channels, facts.channel),
    ):
        if wanted is not None:
            yield name, value in wanted, value
    late = facts.days_past_due
    if when.min_days_past_due is not None or when.max_days_past_due is not None:
        least, most = when.min_days_past_due or 0, when.max_days_past_due
        yield "days_past_due", late is not None and least <= late and (most is None or late <= most), late
    if when.min_balance is not None or when.max_balance is not None:
        low, high = when.min_balance or Decimal(0), when.max_balance
        yield "balance", low <= facts.balance and (high is None or facts.balance <= high), facts.balance


def offer_of(rule: OfferRule, step: int, pricing: Pricing, facts: Facts, why: tuple[str, ...] = ()) -> Made | None:
    """Return this step's offer on the contract, or None where too little is owed to divide it.

    The discount is rounded down to the cent, the first payment half up. Source of the present value: discounted cash
    flow, with a yearly rate and the days of 365.
    """
    chosen = rule.steps[step]
    discount = (facts.balance * chosen.discount_percent / 100).quantize(_CENT, ROUND_FLOOR)
    total = facts.balance - discount
    first = None
    if rule.first_payment_percent is not None:
        first = (total * rule.first_payment_percent / 100).quantize(_CENT, ROUND_HALF_UP)
    amounts = split(total, rule.instalments, first) if first is None or first > 0 else None
    if amounts is None or (discount == 0 and rule.kind in (AgreementKind.SETTLEMENT, AgreementKind.FORGIVENESS)):
        return None
    first_due_on = facts.day + timedelta(days=chosen.pay_within_days)
    schedule = tuple(zip(due_days(first_due_on, rule.instalments, rule.frequency), amounts, strict=True))
    return Made(
        rule,
        step,
        discount,
        schedule,
        min(facts.day + timedelta(days=rule.valid_days), first_due_on),
        present_value(schedule, facts.day, pricing.yearly_rate_percent),
        expected_recovery(pricing, facts),
        why,
    )


def present_value(schedule: Sequence[tuple[date, Decimal]], day: date, yearly_rate_percent: Decimal) -> Decimal:
    growth = 1 + yearly_rate_percent / 100
    worth = sum(
        (amount / growth ** (Decimal((due_on - day).days) / _DAYS_A_YEAR) for due_on, amount in schedule), Decimal(0)
    )
    return worth.quantize(_CENT, ROUND_HALF_UP)


def expected_recovery(pricing: Pricing, facts: Facts) -> Decimal:
    """Return what is expected of the balance without an offer. Nothing, where no band fits."""
    late = facts.days_past_due or 0
    for band in pricing.recovery:
        if band.up_to_days_past_due is None or late <= band.up_to_days_past_due:
            return (facts.balance * band.percent / 100).quantize(_CENT, ROUND_HALF_UP)
    return Decimal("0.00")
