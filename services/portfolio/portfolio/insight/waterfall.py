"""The waterfall: from what was open at the beginning of a period to what is open at its end, stage by stage."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from chassis import Day, FieldError, Invalid, OutputModel, Page, PageQuery, Reader, page
from chassis.figures import address
from fastapi import Query
from recobro_events import Money, MoneyTotal
from recobro_events.contracts.portfolio import Stage

from portfolio.insight import movement_queries as queries
from portfolio.movements.rules import Place, Step, places_of

_CAME_FROM = (Step.OPENING, Step.CLOSING)


class WaterfallStep(OutputModel):
    """A step of a stage. ``contracts``, ``overdue`` and ``total`` are what the step adds, below 0 what it takes away.

    ``items`` lists the movements behind the step; it is null for the opening, and for the closing of a past day.
    """

    portfolio_id: UUID
    currency: str
    first: date
    last: date
    stage: Stage
    step: Step
    contracts: int
    overdue: MoneyTotal
    total: MoneyTotal
    items: str | None


class Movement(OutputModel):
    """A contract whose stage or balances changed. ``cause``: due (time alone), paid, reversed, corrected.

    Besides the stages, ``from_stage`` may be new, settled or closed, and ``to_stage`` settled or closed.
    """

    movement_id: int
    portfolio_id: UUID
    day: date
    contract_id: UUID
    contract_number: str
    cause: str
    from_stage: str
    to_stage: str
    from_overdue: Money
    to_overdue: Money
    from_total: Money
    to_total: Money


async def waterfall(reader: Reader, portfolio_id: UUID | None, first: date, last: date) -> Page[WaterfallStep]:
    """Return every step of every stage, of each portfolio alone: amounts of two portfolios are not added."""
    rows = await reader.fetch(queries.WATERFALL, portfolio_id, first, last)
    found: dict[tuple[UUID, str, date], dict[str, tuple[int, Decimal, Decimal]]] = defaultdict(dict)
    for row in rows:
        owner = row["portfolio_id"], row["currency"], row["business_date"]
        found[owner][f"{row['stage']} {row['step']}"] = (row["contracts"], row["overdue"], row["total"])
    none = (0, Decimal(0), Decimal(0))
    items = []
    for (owner_id, currency, today), known in sorted(found.items()):
        for stage in Stage:
            taken = {step: known.get(f"{stage} {step}", none) for step in Step}
            contracts, overdue, total = zip(*taken.values(), strict=True)
            taken[Step.CLOSING] = (sum(contracts), sum(overdue, Decimal(0)), sum(total, Decimal(0)))
            items += [
                WaterfallStep(
                    portfolio_id=owner_id,
                    currency=currency,
                    first=first,
                    last=last,
                    stage=stage,
                    step=step,
                    contracts=sums[0],
                    overdue=sums[1],
                    total=sums[2],
                    items=_items(owner_id, first, last, stage, step, is_present=last >= today),
                )
                for step, sums in taken.items()
            ]
    return Page(items=items, next_cursor=None)


def _items(portfolio_id: UUID, first: date, last: date, stage: Stage, step: Step, *, is_present: bool) -> str | None:
    if step is Step.CLOSING and is_present:
        return address("/v1/contracts", portfolio_id=portfolio_id, stage=stage, state="open")
    if step in _CAME_FROM:
        return None
    return address("/v1/insight/movements", portfolio_id=portfolio_id, from_=first, to=last, stage=stage, step=step)


@dataclass(frozen=True)
class MovementFilter:
    """The filter of the movements. A movement must match every given field."""

    portfolio_id: UUID | None = None
    stage: Annotated[Stage | None, Query(description="The stage of a step of the waterfall")] = None
    step: Annotated[Step | None, Query(description="A step of the waterfall that the movement takes")] = None
    from_stage: Place | None = None
    to_stage: Place | None = None


async def movements(
    reader: Reader, wanted: MovementFilter, first: date, last: date, query: PageQuery
) -> Page[Movement]:
    """Return the movements of a period, in their order. Raises ``Invalid`` for a step without a stage."""
    from_places = [wanted.from_stage] if wanted.from_stage else None
    to_places, cause = [wanted.to_stage] if wanted.to_stage else None, None
    if wanted.step is not None:
        if wanted.stage is None or from_places or to_places:
            raise Invalid(
                "A step needs a stage, and nothing else.", errors=[FieldError("/query/step", "needs a stage")]
            )
        from_places, to_places, cause = places_of(wanted.step, wanted.stage)
    elif wanted.stage is not None:
        raise Invalid("A stage needs a step.", errors=[FieldError("/query/stage", "needs a step")])
    rows = await reader.fetch(
        queries.MOVEMENTS[query.order],
        *(wanted.portfolio_id, first, last, from_places, to_places, cause),
        *(query.after(Day, int) or (None, None)),
        query.limit + 1,
    )
    return page(rows, query, key=lambda row: (row["day"], row["movement_id"]))
