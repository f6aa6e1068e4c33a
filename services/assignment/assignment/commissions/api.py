"""Commissions of agencies over HTTP."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Day,
    FieldError,
    Invalid,
    OutputModel,
    PageQuery,
    Percent,
    ReadConnection,
    Router,
    WriteTransaction,
    page,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from fastapi import Query
from recobro_events import Money, MoneyTotal, Row
from recobro_events.contracts.assignment import PlacementKind

from assignment.agencies.reading import expect_agency
from assignment.commissions import precedence, queries
from assignment.commissions.earning import Because
from assignment.commissions.precedence import NewPrecedence, Precedence, Precedences

router = Router(prefix="/v1", tags=["agencies"])


class Entry(StrEnum):
    EARNED = "earned"
    REVERSED = "reversed"


class CommissionItem(OutputModel):
    """What a payment earned, or what was taken back of it: then ``base`` and ``amount`` are negative.

    ``dated_on`` is the business date on which it became known, and ``because`` says what. Items of a day never change
    later. ``earned_on`` is the day of the earning, which an item that takes back names again. ``ordinal`` counts the
    earnings of a payment; 0 are those of a time when each kind of work earned.
    """

    payment_id: UUID
    placement_id: UUID
    contract_id: UUID
    contract_number: str | None
    kind: PlacementKind
    entry: Entry
    because: Because
    dated_on: date
    earned_on: date
    ordinal: int
    days_past_due: int
    base: Money
    percent: Percent
    amount: Money
    currency: str


class CommissionTotal(OutputModel):
    """The commissions of a period in one currency. ``amount`` is ``earned`` less ``reversed``."""

    currency: str
    items: int
    earned: MoneyTotal
    reversed: MoneyTotal
    amount: MoneyTotal


class Commissions(OutputModel):
    """A page of the commissions of a period, and the totals of the whole period."""

    items: list[CommissionItem]
    next_cursor: str | None
    totals: list[CommissionTotal]


@router.get("/agencies/{agency_id}/commissions", dependencies=[reads("assignment", agency=True), reads_in_bulk()])
async def list_commissions(
    agency_id: UUID,
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
) -> Commissions:
    """List what became known about the agency's commissions on the business dates ``from`` to ``to`` (inclusive).

    The totals by currency cover the whole period.
    """
    await expect_agency(reader, agency_id, who)
    if first is not None and last is not None and last < first:
        raise Invalid("The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")])
    after = query.after(date, UUID, int, str, UUID) or (None,) * 5
    rows = await reader.fetch(queries.ITEMS[query.order], agency_id, first, last, *after, query.limit + 1)
    shown = page(rows, query, key=_place)
    totals = await reader.fetch(queries.TOTALS, agency_id, first, last)
    return Commissions(
        items=[CommissionItem(**{name: item[name] for name in CommissionItem.model_fields}) for item in shown["items"]],
        next_cursor=shown["next_cursor"],
        totals=[CommissionTotal(**total) for total in totals],
    )


def _place(row: Row) -> tuple[object, ...]:
    return row["dated_on"], row["payment_id"], row["ordinal"], row["entry"], row["placement_id"]


@router.get("/commission-precedences", dependencies=[reads("assignment")])
async def list_precedences(reader: ReadConnection) -> Precedences:
    """List which kinds of work earned first, and since when."""
    return await precedence.read_all(reader)


@router.post("/commission-precedences", status_code=201, dependencies=[writes("assignment")])
async def add_precedence(new: NewPrecedence, tx: WriteTransaction) -> Precedence:
    """Change which kind of work earns first when agencies had the contract for several kinds.

    It holds for payments whose ``paid_on`` is ``starts_on`` or later, which must lie in the future.
    """
    return await precedence.add(tx, new)
