"""Commissions of agencies over HTTP."""

from datetime import date
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
    page,
    reads,
)
from chassis.audit import reads_in_bulk
from fastapi import Query
from recobro_events import Money, MoneyTotal
from recobro_events.contracts.assignment import PlacementKind

from assignment.agencies.reading import expect_agency
from assignment.commissions import queries

router = Router(prefix="/v1", tags=["agencies"])


class CommissionItem(OutputModel):
    """The commission on one payment. A commission with ``reversed_on`` no longer counts.

    ``reversed_on`` is the business date on which the payment was reversed.
    """

    payment_id: UUID
    placement_id: UUID
    contract_id: UUID
    contract_number: str | None
    kind: PlacementKind
    earned_on: date
    days_past_due: int
    base: Money
    percent: Percent
    amount: Money
    currency: str
    reversed_on: date | None


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
    """List the agency's commissions for the business dates ``from`` to ``to`` (inclusive), with totals by currency."""
    await expect_agency(reader, agency_id, who)
    if first is not None and last is not None and last < first:
        raise Invalid("The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")])
    after = query.after(date, UUID, UUID) or (None, None, None)
    rows = await reader.fetch(queries.ITEMS, agency_id, first, last, *after, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["earned_on"], row["payment_id"], row["placement_id"]))
    totals = await reader.fetch(queries.TOTALS, agency_id, first, last)
    return Commissions(
        items=[CommissionItem(**item) for item in shown["items"]],
        next_cursor=shown["next_cursor"],
        totals=[CommissionTotal(**total) for total in totals],
    )
