"""HTTP routes that order, read and cancel visits."""

from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Day,
    FieldError,
    InputModel,
    Invalid,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ShortText,
    Text,
    WriteTransaction,
    page,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from fastapi import Query

from field_visits.visits import cancelling, ordering, queries
from field_visits.visits.reading import Visit, expect, shown
from field_visits.visits.rules import State

router = Router(prefix="/v1", tags=["visits"])


class Override(InputModel):
    """An operator has a reason to send somebody to an address that was not checked."""

    reason: Text


class NewVisit(InputModel):
    """Without ``address_id`` the first address that may be visited is chosen, by kind and by the creditor's order.

    ``visit_id`` is for a visit that an operator enters again after a restore: the id that its first entry had. Its day
    may be over.
    """

    contract_id: UUID
    visitor: ShortText
    visit_on: Day
    address_id: UUID | None = None
    override: Override | None = None
    visit_id: UUID | None = None


class NewCancellation(InputModel):
    reason: Text


@router.post("/visits", status_code=201, dependencies=[writes("field-visits", agency=True)])
async def order_visit(new: NewVisit, tx: WriteTransaction, who: CurrentPrincipal) -> Visit:
    """Order a visit. 409 while the contract is silenced; the error's code and ``reason`` name the reason."""
    override = new.override.reason if new.override else None
    asked = (new.contract_id, new.visitor, new.visit_on, new.address_id)
    row = await ordering.order(tx, who, *asked, override, entered_id=new.visit_id)
    return shown(row)


@router.get("/visits", dependencies=[reads("field-visits", agency=True), reads_in_bulk()])
async def list_visits(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    visitor: Annotated[ShortText | None, Query()] = None,
    day: Annotated[Day | None, Query(description="The day of the visit")] = None,
    visit_on: Annotated[Day | None, Query(description="The same as day")] = None,
    contract_id: UUID | None = None,
    state: State | None = None,
    first: Annotated[Day | None, Query(alias="from", description="The first day")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day, included")] = None,
    agency_id: UUID | None = None,
    inside: Annotated[bool | None, Query(description="Whether no agency makes the visit")] = None,
) -> Page[Visit]:
    """List visits by day; with ``order=desc`` the last day first. An agency's token lists the agency's own visits."""
    if day is not None and visit_on is not None and day != visit_on:
        raise Invalid("There are two days.", errors=[FieldError("/query/day", "must be the same as visit_on")])
    after = query.after(Day, UUID) or (None, None)
    filters = (visitor, day or visit_on, contract_id, state, who.agency_id)
    rows = await reader.fetch(
        queries.VISITS[query.order], *filters, *after, query.limit + 1, first, last, agency_id, inside
    )
    return page([shown(row) for row in rows], query, key=lambda visit: (visit.visit_on, visit.visit_id))


@router.get("/visits/{visit_id}", dependencies=[reads("field-visits", agency=True)])
async def read_visit(visit_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Visit:
    """Read a visit."""
    return shown(await expect(reader, visit_id, who.agency_id))


@router.post("/visits/{visit_id}/cancellation", status_code=201, dependencies=[writes("field-visits", agency=True)])
async def cancel_visit(visit_id: UUID, new: NewCancellation, tx: WriteTransaction, who: CurrentPrincipal) -> Visit:
    """Cancel a visit. 409 when the visit has ended or was cancelled before."""
    return shown(await cancelling.cancel_by_hand(tx, who, visit_id, new.reason))
