"""A trial: what new rules would offer on a sample of a portfolio. Nothing is written."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from chassis import InputModel, NotFound, OutputModel, Reader, clock
from pydantic import Field
from recobro_events import MoneyTotal, Row
from recobro_events.contracts.promises import MadeIn

from promises.offers import queries
from promises.offers.finding import facts_of
from promises.offers.making import Made, is_below, offer_of, why_eligible
from promises.offers.models import NewOfferRules

MOST_CONTRACTS = 2_000
MOST_INSTALMENTS = 100_000
"""The more instalments the rules make for one contract, the smaller is the sample: it takes seconds at most."""


class PortfolioUnknown(NotFound):
    code = "portfolio-unknown"
    detail = "There is no portfolio with this id."


class Trial(NewOfferRules, InputModel):
    """The rules to try, and the portfolio on which. ``channel`` is the way in which its debtors would be asked."""

    portfolio_id: UUID
    channel: MadeIn | None = None


class TriedOffer(OutputModel):
    """One step of a rule, over the contracts of the sample to which it applies. ``below_expected`` of them are worth
    less than is expected without an offer; where the pricing says so, these are not offered and not in the sums."""

    code: str
    step: int
    offers: int
    below_expected: int
    balance: MoneyTotal
    discount: MoneyTotal
    present_value: MoneyTotal
    expected_recovery: MoneyTotal


class TrialResult(OutputModel):
    """``contracts`` is the size of the sample, at most 2,000, and ``without_offer`` how many of it get none."""

    contracts: int
    without_offer: int
    items: tuple[TriedOffer, ...] = Field(max_length=500)


async def tried(reader: Reader, trial: Trial) -> TrialResult:
    """Return what the rules would offer. ``PortfolioUnknown``."""
    if not await reader.fetchval(queries.KNOWS_PORTFOLIO, trial.portfolio_id):
        raise PortfolioUnknown()
    instalments = sum(len(rule.steps) * rule.instalments for rule in trial.rules)
    size = min(MOST_CONTRACTS, MOST_INSTALMENTS // max(1, instalments))
    sample = await reader.fetch(queries.SAMPLE, trial.portfolio_id, clock.now(), size)
    return await asyncio.to_thread(_tried, trial, sample)


def _tried(trial: Trial, sample: Sequence[Row]) -> TrialResult:
    found: dict[tuple[str, int], list[tuple[Decimal, Made]]] = defaultdict(list)
    below: dict[tuple[str, int], int] = defaultdict(int)
    without = 0
    for row in sample:
        facts, is_offered = facts_of(row, row["made_on"], trial.channel), False
        for rule in trial.rules:
            if (why := why_eligible(rule, facts)) is None:
                continue
            for step in range(len(rule.steps)):
                made = offer_of(rule, step, trial.pricing, facts, why)
                if made is None:
                    continue
                below[rule.code, step] += made.present_value < made.expected_recovery
                if not is_below(made, trial.pricing):
                    found[rule.code, step].append((facts.balance, made))
                    is_offered = True
        without += not is_offered
    items = (
        _summed(rule.code, step, found[rule.code, step], below[rule.code, step])
        for rule in trial.rules
        for step in range(len(rule.steps))
    )
    return TrialResult(contracts=len(sample), without_offer=without, items=tuple(items))


def _summed(code: str, step: int, made: list[tuple[Decimal, Made]], below: int) -> TriedOffer:
    nothing = Decimal("0.00")
    return TriedOffer(
        code=code,
        step=step,
        offers=len(made),
        below_expected=below,
        balance=sum((balance for balance, _ in made), nothing),
        discount=sum((one.discount for _, one in made), nothing),
        present_value=sum((one.present_value for _, one in made), nothing),
        expected_recovery=sum((one.expected_recovery for _, one in made), nothing),
    )
