"""Visits: who goes to which door on a day, on a map and as a list, with the papers that the visitors carry."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.pages import EVERYBODY, STAFF, CurrentPage, Page, Router
from recobro_console.sessions.store import Role
from recobro_console.visits import papers

SERVICE = "field-visits"
STATES = ("ordered", "routed", "done", "failed", "cancelled")
KINDS_OF_BREACH = ("silence", "outside_hours", "inconvenient")
_ROWS = 500
_BREACHES = 50
router = Router(EVERYBODY)
staff = Router(STAFF)


@router.get("/visits")
async def visits(
    page: CurrentPage,
    day: str | None = None,
    state: str = "",
    visitor: str = "",
    agency_id: str = "",
    cursor: str | None = None,
) -> Response:
    """The visits of a day. The default is the newest business date; an empty day shows every day."""
    chosen_day, agencies = await asyncio.gather(_default_day(page), names.agencies(page))
    chosen = {
        "day": chosen_day if day is None else day,
        "state": state,
        "visitor": visitor,
        "agency_id": agency_id,
    }
    return page.show(
        "visits/visits.html",
        chosen=chosen,
        cursor=cursor,
        states=STATES,
        agencies=agencies,
        tiles=page.request.app.state.settings.console_tiles_url,
    )


async def _default_day(page: Page) -> str:
    """The newest business date that the user can see, else today."""
    path = "/v1/contracts" if page.session.role is Role.AGENCY else "/v1/portfolios"
    known = await page.attempt(page.services.get("portfolio", path, limit=100))
    days = [] if isinstance(known, Trouble) else [each.get("business_date") or "" for each in known["items"]]
    return max(days, default="") or str(page.reader.local(datetime.now(UTC)).date())


@router.get("/visits/list")
async def of_day(
    page: CurrentPage,
    day: str = "",
    state: str = "",
    visitor: str = "",
    agency_id: str = "",
    cursor: str | None = None,
) -> Response:
    """The visits that fit, by city and postal code."""
    chosen = {"day": day, "state": state, "visitor": visitor, "agency_id": agency_id}
    found, agencies = await asyncio.gather(
        page.attempt(page.services.get(SERVICE, "/v1/visits", **chosen, cursor=cursor, limit=_ROWS)),
        names.agencies(page),
    )
    return page.show(
        "visits/list.html",
        found=found,
        places=[] if isinstance(found, Trouble) else by_place(found["items"]),
        chosen=chosen,
        cursor=cursor,
        agencies=agencies,
    )


def by_place(items: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The visits by city, and there by postal code and street. Those without a city come last."""
    places: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in items:
        places[(each["address"] or {}).get("city") or ""].append(each)

    def way(visit: dict[str, Any]) -> tuple[str, str, str]:
        address = visit["address"] or {}
        return visit["visit_on"], address.get("postal_code") or "", address.get("street") or ""

    return [
        (city, sorted(there, key=way))
        for city, there in sorted(places.items(), key=lambda place: (not place[0], place[0]))
    ]


@router.get("/visits/papers")
async def day_papers(
    page: CurrentPage, kind: papers.Kind, day: str, visitor: str = "", agency_id: str = ""
) -> Response:
    """The sheets or the letters of every open visit of a day, in one file to print."""
    try:
        made = await papers.of_day(page, kind, day=day, visitor=visitor, agency_id=agency_id)
    except papers.NothingToPrint as nothing:
        return page.show("visits/no_papers.html", 409, nothing=nothing, day=day)
    return Response(
        made, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{kind}s-{day}.zip"'}
    )


@staff.get("/visits/breaches")
async def breaches(page: CurrentPage, kind: str = "", agency_id: str = "", cursor: str | None = None) -> Response:
    """The attendances that broke a rule of contact, the newest first."""
    found, agencies = await asyncio.gather(
        page.attempt(
            page.services.get(
                SERVICE, "/v1/breaches", kind=kind, agency_id=agency_id, order="desc", cursor=cursor, limit=_BREACHES
            )
        ),
        names.agencies(page),
    )
    items = [] if isinstance(found, Trouble) else found["items"]
    contracts = await names.contracts(page, items)
    return page.show(
        "visits/breaches.html",
        found=found,
        contracts=contracts,
        agencies=agencies,
        kinds=KINDS_OF_BREACH,
        chosen={"kind": kind, "agency_id": agency_id},
        first=cursor is None,
    )


@router.get("/visits/new")
async def new(page: CurrentPage, contract_number: str = "", visit_on: str = "") -> Response:
    """The form that orders a visit."""
    typed = {"contract_number": contract_number, "visit_on": visit_on or await _default_day(page)}
    return _new(page, typed)


def _new(page: Page, typed: dict[str, str], wrong: Trouble | str | None = None) -> Response:
    status = 422 if wrong else 200
    said = page.said(wrong) if isinstance(wrong, Trouble) else wrong
    return page.show("visits/new.html", status, typed=typed, wrong=said)


@router.post("/visits/new")
async def order(page: CurrentPage) -> Response:
    """Order a visit for the contract of a number."""
    form = await page.form()
    try:
        found = await page.services.get("portfolio", "/v1/contracts", number=form.get("contract_number", ""), limit=2)
        if not found["items"]:
            return _new(page, form, page.tr("There is no contract with this number among those that you see."))
        if len(found["items"]) > 1:
            return _new(
                page,
                form,
                page.tr("Several portfolios have a contract with this number. Order the visit on the contract's page."),
            )
        body: dict[str, Any] = {
            "contract_id": found["items"][0]["contract_id"],
            "visitor": form.get("visitor", ""),
            "visit_on": form.get("visit_on", ""),
        }
        if form.get("override"):
            body["override"] = {"reason": form["override"]}
        made = await page.services.post(SERVICE, "/v1/visits", body, key=form.get("_key"))
    except Trouble as trouble:
        return _new(page, form, trouble)
    return page.done(
        f"/visits/{made['visit_id']}",
        "{visitor} visits on {day}.",
        visitor=made["visitor"],
        day=page.reader.day(made["visit_on"]),
    )


@router.get("/visits/{visit_id}/sheet.pdf")
async def sheet(page: CurrentPage, visit_id: UUID) -> Response:
    """The sheet that the visitor fills in."""
    return await page.pass_on(SERVICE, f"/v1/visits/{visit_id}/sheet.pdf")


@router.get("/visits/{visit_id}/letter.pdf")
async def letter(page: CurrentPage, visit_id: UUID) -> Response:
    """The letter in its closed envelope."""
    return await page.pass_on(SERVICE, f"/v1/visits/{visit_id}/letter.pdf")


@router.get("/visits/photos/{photo_id}")
async def photo(page: CurrentPage, photo_id: UUID) -> Response:
    """A photo that a visitor took."""
    return await page.pass_on(SERVICE, f"/v1/photos/{photo_id}")
