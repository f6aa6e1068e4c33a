"""HTTP routes for the visit sheet and the notification letter."""

from typing import Annotated, Any
from uuid import UUID

from chassis import Conflict, CurrentPrincipal, Router, ServiceDatabase, reads
from chassis.transactions import act_for_service
from documents.press import Press
from documents.wording import Language
from fastapi import Query, Request
from fastapi.responses import Response
from recobro_events.contracts.field_visits import AttendedBy

from field_visits.documents import queries
from field_visits.documents.letter import letter_of, refuse_unprintable
from field_visits.documents.sheet import sheet_of
from field_visits.visits import queries as visits
from field_visits.visits import reading
from field_visits.visits.ordering import refuse_silence
from field_visits.visits.refusals import refuse_cancelled, refuse_not_open

router = Router(prefix="/v1", tags=["visits"])
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


class AttendanceNeeded(Conflict):
    code = "attendance-needed"
    detail = "The letter holds the balance. An agency can read it once the debtor attends."


@router.get(
    "/visits/{visit_id}/sheet.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_sheet(visit_id: UUID, request: Request, database: ServiceDatabase, who: CurrentPrincipal) -> Response:
    """Return the visit sheet, in Spanish: name, address and room for the result. It is safe for anybody to see.

    409 with the reason while the contract is silenced, and once the visit was cancelled.
    """
    async with database.transaction() as tx:
        visit = await reading.expect_with_person(tx, visit_id, who.agency_id)
        if visit["outcome"] is None:
            refuse_cancelled(visit)
            await act_for_service(tx)
            refuse_silence(await tx.fetchval(visits.SILENCE, visit_id))
    refuse_unprintable({"name": visit["name"], "visitor": visit["visitor"]})
    press: Press = request.app.state.press
    return _pdf(await press.print("sheet", sheet_of(visit)), f"visita-{visit_id}")


@router.get(
    "/visits/{visit_id}/letter.pdf",
    dependencies=[reads("field-visits", agency=True)],
    response_class=Response,
    responses=_PDF,
)
async def print_letter(
    visit_id: UUID,
    request: Request,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    language: Annotated[
        Language | None, Query(description="Default: the debtor's language, else that of the jurisdiction")
    ] = None,
) -> Response:
    """Return the notification letter with the balance, for a closed unmarked envelope.

    409 `letter-incomplete` names the data of agency, creditor or contract that the letter must state and that are
    missing. 409 when the visit has ended or was cancelled, with the reason while the contract is silenced, and for an
    agency as long as it has not learned the balance from the debtor's attendance.
    """
    async with database.transaction() as tx:
        visit = await reading.expect_with_person(tx, visit_id, who.agency_id)
        refuse_not_open(visit)
        if who.agency_id is not None and not (visit["met"] == AttendedBy.DEBTOR and visit["balance_known"]):
            raise AttendanceNeeded()
        await act_for_service(tx)
        refuse_silence(await tx.fetchval(visits.SILENCE, visit_id))
        owed = await tx.fetchrow(queries.OWED, visit["contract_id"], visit["agency_id"])
    assert owed is not None
    press: Press = request.app.state.press
    return _pdf(await press.print("letter", letter_of(visit, owed, language)), f"carta-{visit_id}")


def _pdf(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
