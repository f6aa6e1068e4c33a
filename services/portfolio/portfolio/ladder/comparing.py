"""Compares what a ladder and its challenger achieve with the people whom each judges."""

from datetime import date
from decimal import Decimal
from math import sqrt
from typing import Any
from uuid import UUID

from chassis import NotFound, OutputModel, Reader
from chassis.periods import Period, share
from recobro_events import MoneyTotal

from portfolio.ladder import comparing_queries as queries
from portfolio.portfolios import portfolios

FEWEST = 30
"""Of fewer contracts on a side a rate says little, and no margin is given."""
_WIDTH = 1.96


class SideOfLadder(OutputModel):
    """What was achieved with the contracts of a side that were behind on a day of the period.

    ``cured``: nothing was overdue any more, and no reversal has undone it. ``cure_rate`` = cured / contracts.
    ``recovered`` is what payments of the period have paid; ``recovered_a_contract`` = recovered / contracts.
    ``attempts`` are calls and visits of the period, ``contacts`` those that reached the debtor;
    ``contacts_a_contract`` = contacts / contracts.
    """

    contracts: int
    cured: int
    cure_rate: float | None
    payments: int
    recovered: MoneyTotal
    recovered_a_contract: MoneyTotal | None
    attempts: int
    contacts: int
    contacts_a_contract: float | None


class LadderComparison(OutputModel):
    """The ladder ``version`` and its challenger, from ``first`` to ``last``: days of the period on which it held.

    ``percent`` of the people are the challenger's. ``cure_rate_difference`` = the challenger's cure rate - the
    champion's. ``margin`` = 1.96 × √(p₁(1-p₁)/n₁ + p₂(1-p₂)/n₂), with p the cure rates and n the contracts: a
    difference within the margin may be chance. It is null with fewer than 30 contracts on a side.
    """

    portfolio_id: UUID
    version: int
    percent: int
    first: date
    last: date
    champion: SideOfLadder
    challenger: SideOfLadder
    cure_rate_difference: float | None
    margin: float | None


class NoChallenger(NotFound):
    code = "no-challenger"
    detail = "No such version of the ladder has a challenger, or it did not hold in the period."


async def compare(reader: Reader, portfolio_id: UUID, wanted: Period, version: int | None) -> LadderComparison:
    """Compare both sides of a version, or of the last one that has a challenger.

    Raises ``PortfolioUnknown``, ``NoChallenger``.
    """
    portfolio = await portfolios.find(reader, portfolio_id)
    found = await reader.fetchrow(queries.COMPARED, portfolio_id, version)
    if found is None or portfolio.business_date is None:
        raise NoChallenger()
    began = found["began_on"] or date.min
    known = min(portfolio.business_date, found["ended_on"] or date.max)
    first, last = wanted.ending(known)
    first, last = max(first, began), min(last, known)
    if last < first:
        raise NoChallenger()
    rows = await reader.fetch(queries.COMPARE, portfolio_id, found["version"], found["percent"], first, last)
    sides = {row["challenged"]: _side(dict(row)) for row in rows}
    champion, challenger = sides.get(False, _NOBODY), sides.get(True, _NOBODY)
    return LadderComparison(
        portfolio_id=portfolio_id,
        version=found["version"],
        percent=found["percent"],
        first=first,
        last=last,
        champion=champion,
        challenger=challenger,
        cure_rate_difference=_difference(champion, challenger),
        margin=_margin(champion, challenger),
    )


def _side(row: dict[str, Any]) -> SideOfLadder:
    contracts = row["contracts"]
    row.pop("challenged", None)
    return SideOfLadder(
        **row,
        cure_rate=share(row["cured"], contracts),
        recovered_a_contract=round(row["recovered"] / contracts, 2) if contracts else None,
        contacts_a_contract=share(row["contacts"], contracts),
    )


COUNTED = ("contracts", "cured", "payments", "recovered", "attempts", "contacts")
_NOBODY = _side(dict.fromkeys(COUNTED, 0) | {"recovered": Decimal(0)})


def _difference(champion: SideOfLadder, challenger: SideOfLadder) -> float | None:
    if champion.cure_rate is None or challenger.cure_rate is None:
        return None
    return round(challenger.cure_rate - champion.cure_rate, 4)


def _margin(*sides: SideOfLadder) -> float | None:
    if any(side.contracts < FEWEST for side in sides):
        return None
    rates = [(side.cured / side.contracts, side.contracts) for side in sides]
    return round(_WIDTH * sqrt(sum(p * (1 - p) / n for p, n in rates)), 4)
