"""Visits over HTTP: ordering, reading, cancelling, and their documents."""

from typing import Annotated, Any
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Day,
    InputModel,
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
from fastapi import Query, Request
from fastapi.responses import Response

from field_visits.documents.sheet import Press, letter_of, sheet_of
from field_visits.visits import ordering, queries
from field_visits.visits import reading as visits
from field_visits.visits.reading import Visit
from field_visits.visits.rules import State

router = Router(prefix="/v1", tags=["visits"])
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


class NewVisit(InputModel):
    """Whom to send where, and when. Without ``address_id`` the best authorised address of the contract is taken."""

    contract_id: UUID
    visitor: ShortText
    visit_on: Day
    address_id: UUID | None = None


class NewCancellation(InputModel):
    reason: Text


@router.post("/visits", status_code=201, dependencies=[writes("field-visits", agency=True)])
async def order_visit(new: NewVisit, tx: WriteTransaction, who: CurrentPrincipal) -> Visit:
    """Order a visit. 409 while there is a reason to keep silent: the code names it."""
    row = await ordering.order(tx, who, new.contract_id, new.visitor, new.visit_on, new.address_id)
    return visits.shown(row)


@router.get("/visits", dependencies=[reads("field-visits", agency=True)])
async def list_visits(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    visitor: Annotated[ShortText | None, Query()] = None,
    visit_on: Day | None = None,
    contract_id: UUID | None = None,
    state: State | None = None,
) -> Page[Visit]:
    """Visits by day; an agency's own."""
    after = query.after(Day, UUID)
    filters = (visitor, visit_on, contract_id, state, who.agency_id)
    rows = await queries.visits(reader, filters, (after[0], after[1]) if after else None, query.limit + 1)
    return page([visits.shown(row) for row in rows], query, key=lambda visit: (visit.visit_on, visit.visit_id))


@router.get("/visits/{visit_id}", dependencies=[reads("field-visits", agency=True)])
async def read_visit(visit_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Visit:
    return visits.shown(await visits.expect(reader, visit_id, who.agency_id))


@router.post("/visits/{visit_id}/cancellation", status_code=201, dependencies=[writes("field-visits", agency=True)])
async def cancel_visit(visit_id: UUID, new: NewCancellation, tx: WriteTransaction, who: CurrentPrincipal) -> Visit:
    """Call off a visit that has not taken place."""
    return visits.shown(await ordering.call_off(tx, who, visit_id, new.reason))


@router.get(
    "/visits/{visit_id}/sheet.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_sheet(visit_id: UUID, request: Request, reader: ReadConnection, who: CurrentPrincipal) -> Response:
    """The visit sheet, in Spanish: whom to look for and where, and room for the result. It may be seen by anybody."""
    visit = await visits.expect(reader, visit_id, who.agency_id)
    if visit["outcome"] is None:
        visits.refuse_cancelled(visit)
    press: Press = request.app.state.press
    return _pdf(await press.print("sheet", sheet_of(visit)), f"visita-{visit_id}")


@router.get(
    "/visits/{visit_id}/letter.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_letter(visit_id: UUID, request: Request, reader: ReadConnection, who: CurrentPrincipal) -> Response:
    """The notification letter, in Spanish, with the balance, for a closed unmarked envelope. 409 once it is off."""
    visit = await visits.expect(reader, visit_id, who.agency_id)
    visits.refuse_not_open(visit)
    owed = await queries.letter(reader, visit["contract_id"])
    press: Press = request.app.state.press
    return _pdf(await press.print("letter", letter_of(visit, owed)), f"carta-{visit_id}")


def _pdf(content: bytes, name: str) -> Response:
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="application/pdf", headers=headers)
