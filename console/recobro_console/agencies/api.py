"""Agencies: who has which contracts, what is being taken back, what was earned."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.pages import EVERYBODY, STAFF, CurrentPage, Page, Router
from recobro_console.sessions.store import Role

_SERVICE = "assignment"
_ROWS = 50
STATES = ("active", "recall_pending", "objected", "recalled", "ended")
router = Router(EVERYBODY)
staff = Router(STAFF)


@router.get("/agencies")
async def agencies(page: CurrentPage) -> Response:
    """The agencies side by side, and what waits for a decision. An agency's user goes to its own page."""
    if page.session.role is Role.AGENCY:
        return RedirectResponse(f"/agencies/{page.session.agency_id}", 303)
    return await _agencies(page)


async def _agencies(page: Page, wrong: Trouble | None = None, name: str = "") -> Response:
    known = await page.attempt(page.services.get(_SERVICE, "/v1/agencies", limit=1000))
    return page.show("agencies/agencies.html", 422 if wrong else 200, known=known, wrong=wrong, name=name)


@staff.post("/agencies")
async def create(page: CurrentPage) -> Response:
    """Register an agency."""
    form = await page.form()
    try:
        made = await page.services.post(_SERVICE, "/v1/agencies", {"name": form.get("name", "")}, key=form.get("_key"))
    except Trouble as trouble:
        return await _agencies(page, trouble, form.get("name", ""))
    return page.done(f"/agencies/{made['agency_id']}", "The agency {name} is registered.", name=made["name"])


@staff.get("/agencies/objections")
async def objections(page: CurrentPage, agency_id: str = "") -> Response:
    """The objections of agencies on which somebody has to decide."""
    found, known = await asyncio.gather(
        page.attempt(page.services.get(_SERVICE, "/v1/objections", state="open", agency_id=agency_id, limit=_ROWS)),
        names.agencies(page),
    )
    contracts = await _contracts(page, found)
    return page.show("agencies/objections.html", found=found, agencies=known, contracts=contracts)


async def _contracts(page: Page, found: Any) -> Mapping[str, Mapping[str, Any]]:
    """The contracts of a list's rows, by id. The rows of placements name most of them themselves."""
    if isinstance(found, Trouble):
        return {}
    own = {each["contract_id"]: each for each in found["items"] if each.get("contract_number")}
    return own | await names.contracts(page, (each for each in found["items"] if each["contract_id"] not in own))


@router.get("/agencies/{agency_id}")
async def one(
    page: CurrentPage, agency_id: str, state: str = "active", cursor: str | None = None, first: str = "", last: str = ""
) -> Response:
    """An agency: its placements by state, its recalls, its commissions."""
    known = await page.services.get(_SERVICE, f"/v1/agencies/{agency_id}")
    today = page.reader.local(datetime.now(UTC)).date()
    period = {"first": first or str(today.replace(day=1)), "last": last or str(today + timedelta(days=1))}
    return page.show(
        "agencies/one.html", known=known, state=state, states=STATES, cursor=cursor, period=_in_order(**period)
    )


def _in_order(first: str, last: str) -> dict[str, str]:
    """The period, turned if it ends before it begins."""
    try:
        turned = date.fromisoformat(first) > date.fromisoformat(last)
    except ValueError:
        return {"first": "", "last": ""}
    return {"first": last, "last": first} if turned else {"first": first, "last": last}


@router.get("/agencies/{agency_id}/placements")
async def placements(page: CurrentPage, agency_id: str, state: str = "active", cursor: str | None = None) -> Response:
    """The agency's placements in one state."""
    found = await page.attempt(
        page.services.get(
            _SERVICE,
            "/v1/placements",
            agency_id=agency_id,
            state=state,
            cursor=cursor,
            limit=_ROWS,
        )
    )
    return page.show(
        "agencies/placements.html",
        found=found,
        agency_id=agency_id,
        state=state,
        cursor=cursor,
        contracts=await _contracts(page, found),
    )


@router.get("/agencies/{agency_id}/commissions")
async def commissions(
    page: CurrentPage, agency_id: str, first: str = "", last: str = "", cursor: str | None = None
) -> Response:
    """What the agency earned in a period, and what was taken back."""
    found = await page.attempt(
        page.services.get(
            _SERVICE,
            f"/v1/agencies/{agency_id}/commissions",
            **{"from": first, "to": last},
            order="desc",
            cursor=cursor,
            limit=_ROWS,
        )
    )
    return page.show(
        "agencies/commissions.html",
        found=found,
        agency_id=agency_id,
        period={"first": first, "last": last},
        cursor=cursor,
    )


@staff.get("/agencies/{agency_id}/terms")
async def terms(page: CurrentPage, agency_id: str) -> Response:
    """What was agreed with the agency."""
    found = await page.attempt(page.services.get(_SERVICE, f"/v1/agencies/{agency_id}/service-contracts", limit=200))
    return page.show("agencies/terms.html", found=found)


@router.post("/placements/{placement_id}/{step}")
async def act(page: CurrentPage, placement_id: str, step: str) -> Response:
    """A step of a recall: recall, acknowledgement, objection, or the decision on one."""
    if step not in _STEPS:
        raise HTTPException(404)
    form = await page.form()
    back = form.get("_back", "/agencies")
    body: dict[str, Any] = {"reason": form.get("reason", "")}
    if step == "acknowledgement" and not body["reason"]:
        body = {}
    if step == "objection-decision":
        body["accepted"] = form.get("accepted") == "yes"
    path = f"/v1/placements/{placement_id}/{step}"
    try:
        placed = await page.services.post(_SERVICE, path, body, key=form.get("_key"))
    except Trouble as trouble:
        return page.show("agencies/refused.html", 409, trouble=trouble, back=back)
    return page.done(back, _STEPS[step], number=placed["contract_number"] or "")


_STEPS = {
    "recall": "The recall of {number} is sent to the agency. Its work on the contract stops at once.",
    "acknowledgement": "The recall of {number} is acknowledged.",
    "objection": "The objection to the recall of {number} waits for a decision.",
    "objection-decision": "The objection about {number} is decided.",
}
