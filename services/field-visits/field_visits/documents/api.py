"""HTTP routes for the visit sheet and the notification letter."""

from typing import Any
from uuid import UUID

from chassis import CurrentPrincipal, ReadConnection, Router, reads
from documents.press import Press
from fastapi import Request
from fastapi.responses import Response

from field_visits.documents import queries
from field_visits.documents.letter import letter_of
from field_visits.documents.sheet import sheet_of
from field_visits.visits import reading
from field_visits.visits.refusals import refuse_cancelled, refuse_not_open

router = Router(prefix="/v1", tags=["visits"])
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


@router.get(
    "/visits/{visit_id}/sheet.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_sheet(visit_id: UUID, request: Request, reader: ReadConnection, who: CurrentPrincipal) -> Response:
    """Return the visit sheet, in Spanish: name, address and room for the result. It is safe for anybody to see."""
    visit = await reading.expect(reader, visit_id, who.agency_id)
    if visit["outcome"] is None:
        refuse_cancelled(visit)
    press: Press = request.app.state.press
    return _pdf(await press.print("sheet", sheet_of(visit)), f"visita-{visit_id}")


@router.get(
    "/visits/{visit_id}/letter.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_letter(visit_id: UUID, request: Request, reader: ReadConnection, who: CurrentPrincipal) -> Response:
    """Return the notification letter, in Spanish, with the balance, for a closed unmarked envelope.

    409 when the visit has ended or was cancelled.
    """
    visit = await reading.expect(reader, visit_id, who.agency_id)
    refuse_not_open(visit)
    owed = await reader.fetchrow(queries.OWED, visit["contract_id"])
    assert owed is not None
    press: Press = request.app.state.press
    return _pdf(await press.print("letter", letter_of(visit, owed)), f"carta-{visit_id}")


def _pdf(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
