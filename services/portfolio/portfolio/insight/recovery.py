"""What was recovered, by the debt's age, by stage, by vintage and over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID

from chassis import Day, OutputModel, Page, PageQuery, Reader, WholeParameter, page
from chassis.figures import address
from chassis.periods import share
from fastapi import Query
from recobro_events import MoneyTotal, Row
from recobro_events.contracts.portfolio import Stage

from portfolio.insight import movement_queries as queries
from portfolio.movements.rules import last_day_of

By = Literal["age", "stage", "day", "month"]


class Recovery(OutputModel):
    """Payments of a period by age, stage, day or month. ``recovered`` is received - reversed.

    ``from_days`` and ``to_days`` bound the days past due that the payment met. ``recovery_rate`` is recovered / what
    was overdue in the stage at the beginning of the period, for ``by=stage`` alone. ``items`` lists the payments.
    """

    portfolio_id: UUID
    currency: str
    key: str
    from_days: int | None = None
    to_days: int | None = None
    payments: int
    received: MoneyTotal
    reversed: MoneyTotal
    recovered: MoneyTotal
    opening_overdue: MoneyTotal | None = None
    recovery_rate: float | None = None
    items: str


class Vintage(OutputModel):
    """What was recovered, ``months`` after the month of the hand-over, of the contracts that were handed over in it.

    ``recovered_to_date`` adds up all months until then. ``recovery_rate`` is recovered_to_date / handed_over, which is
    what the contracts owed in total when they were loaded first.
    """

    portfolio_id: UUID
    currency: str
    vintage: date
    contracts: int
    handed_over: MoneyTotal
    months: int
    recovered: MoneyTotal
    recovered_to_date: MoneyTotal
    recovery_rate: float | None
    items: str


class RecoveredPayment(OutputModel):
    """A payment, or its reversal with ``reversed`` above 0, on the business date on which it was entered.

    ``age`` is the first day of the band of days past due that the payment met.
    """

    portfolio_id: UUID
    day: date
    payment_id: UUID
    contract_id: UUID
    contract_number: str
    vintage: date
    stage: Stage
    age: int
    received: MoneyTotal
    reversed: MoneyTotal


async def recovered(reader: Reader, by: By, portfolio_id: UUID | None, first: date, last: date) -> Page[Recovery]:
    """Return what was recovered in a period, of each portfolio alone."""
    rows = await reader.fetch(queries.RECOVERED[by], portfolio_id, first, last)
    overdue: dict[tuple[UUID, str], Decimal] = {}
    if by == "stage":
        opening = await reader.fetch(queries.OPENING, portfolio_id, first)
        overdue = {(row["portfolio_id"], row["stage"]): row["overdue"] for row in opening}
    items = [_recovery(by, row, overdue.get((row["portfolio_id"], str(row["key"]))), first, last) for row in rows]
    return Page(items=items, next_cursor=None)


def _recovery(by: By, row: Row, overdue: Decimal | None, first: date, last: date) -> Recovery:
    net = row["received"] - row["reversed"]
    key: Any = row["key"]
    filters = {by: key} if by in ("age", "stage") else {}
    period = {"from_": key, "to": key} if by == "day" else {"from_": first, "to": last}
    if by == "month":
        period = {"from_": max(first, key), "to": min(last, _end_of_month(key))}
    return Recovery(
        portfolio_id=row["portfolio_id"],
        currency=row["currency"],
        key=str(key),
        from_days=key if by == "age" else None,
        to_days=last_day_of(key) if by == "age" else None,
        payments=row["payments"],
        received=row["received"],
        reversed=row["reversed"],
        recovered=net,
        opening_overdue=overdue,
        recovery_rate=share(float(net), float(overdue)) if overdue else None,
        items=address("/v1/insight/payments", portfolio_id=row["portfolio_id"], **period, **filters),
    )


def _end_of_month(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


async def vintages(reader: Reader, portfolio_id: UUID | None, first: date, last: date) -> Page[Vintage]:
    """Return the curve of each month of hand-over in the period, with all payments up to now."""
    rows = await reader.fetch(queries.VINTAGES, portfolio_id, first, last)
    curves = groupby(rows, key=lambda row: (row["portfolio_id"], row["vintage"]))
    return Page(items=[point for _, curve in curves for point in _points(list(curve))], next_cursor=None)


def _points(curve: list[Row]) -> Iterator[Vintage]:
    to_date = Decimal(0)
    for row in curve:
        month = row["month"] or row["vintage"]
        net = (row["received"] or Decimal(0)) - (row["reversed"] or Decimal(0))
        to_date += net
        yield Vintage(
            portfolio_id=row["portfolio_id"],
            currency=row["currency"],
            vintage=row["vintage"],
            contracts=row["contracts"],
            handed_over=row["total"],
            months=(month.year - row["vintage"].year) * 12 + month.month - row["vintage"].month,
            recovered=net,
            recovered_to_date=to_date,
            recovery_rate=share(float(to_date), float(row["total"])),
            items=address(
                "/v1/insight/payments",
                portfolio_id=row["portfolio_id"],
                vintage=row["vintage"],
                from_=month,
                to=_end_of_month(month),
            ),
        )


@dataclass(frozen=True)
class PaymentFilter:
    """The filter of the payments. A payment must match every given field."""

    portfolio_id: UUID | None = None
    age: Annotated[WholeParameter | None, Query(description="The first day of a band of days past due")] = None
    stage: Stage | None = None
    vintage: Annotated[Day | None, Query(description="The first day of the month of the hand-over")] = None


async def payments(
    reader: Reader, wanted: PaymentFilter, first: date, last: date, query: PageQuery
) -> Page[RecoveredPayment]:
    """Return the payments and reversals of a period, by day."""
    after = query.after(Day, UUID, int) or (None, None, None)
    rows = await reader.fetch(
        queries.PAYMENTS[query.order],
        *(wanted.portfolio_id, first, last, wanted.age, wanted.stage, wanted.vintage),
        *after,
        query.limit + 1,
    )
    return page(rows, query, key=lambda row: (row["day"], row["payment_id"], row["payments"]))
