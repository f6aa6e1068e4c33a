"""One visit: what it is, and what the visitor found at the door."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.pages import EVERYBODY, CurrentPage, Page, Router
from recobro_console.visits.api import SERVICE

OUTCOMES = ("visited", "promise", "refused", "nobody_home", "clarification", "unlocatable", "deceased")
ATTENDED_BY = ("debtor", "third_party", "nobody")
VERDICTS = ("confirmed", "wrong")
CONTACT_ROWS = 4
ADDRESS_ROWS = 3
_PARTS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
router = Router(EVERYBODY)


@router.get("/visits/{visit_id}")
async def one(page: CurrentPage, visit_id: UUID) -> Response:
    """A visit: person, place and day, its papers, what was found."""
    visit = await page.services.get(SERVICE, f"/v1/visits/{visit_id}")
    return page.show(
        "visits/one.html",
        visit=visit,
        zone=await _zone(page, visit),
        agencies=await names.agencies(page),
        photos=await page.attempt(page.services.get(SERVICE, f"/v1/visits/{visit_id}/photos"))
        if visit["photos"]
        else None,
        tiles=page.request.app.state.settings.console_tiles_url,
    )


async def _zone(page: Page, visit: dict[str, Any]) -> str:
    """The time zone of the contract's portfolio. An agency does not read portfolios, and gets the console's."""
    if page.session.agency_id:
        return page.reader.zone
    try:
        contract = await page.services.get("portfolio", f"/v1/contracts/{visit['contract_id']}")
        portfolio = await page.services.get("portfolio", f"/v1/portfolios/{contract['portfolio_id']}")
    except Trouble:
        return page.reader.zone
    return str(portfolio["timezone"])


@router.post("/visits/{visit_id}/cancellation")
async def cancel(page: CurrentPage, visit_id: UUID) -> Response:
    """Cancel a visit."""
    form = await page.form()
    body = {"reason": form.get("reason", "")}
    try:
        await page.services.post(SERVICE, f"/v1/visits/{visit_id}/cancellation", body, key=form.get("_key"))
    except Trouble as trouble:
        return page.show("visits/refused.html", 409, trouble=trouble, back=f"/visits/{visit_id}")
    return page.done(f"/visits/{visit_id}", "The visit is cancelled.")


@router.get("/visits/{visit_id}/attendance")
async def attendance(page: CurrentPage, visit_id: UUID) -> Response:
    """The form that says who opened the door."""
    return await _form(page, visit_id, "attendance", {})


@router.post("/visits/{visit_id}/attendance")
async def attend(page: CurrentPage, visit_id: UUID) -> Response:
    """Record who attends. If it is the debtor, the answer shows the balance, once and only here."""
    form = await page.form()
    visit = await page.services.get(SERVICE, f"/v1/visits/{visit_id}")
    body = {"attended_by": form.get("attended_by", ""), "at": _moment(form.get("at", ""), await _zone(page, visit))}
    try:
        answer = await page.services.post(SERVICE, f"/v1/visits/{visit_id}/attendance", body, key=form.get("_key"))
    except Trouble as trouble:
        return await _form(page, visit_id, "attendance", form, trouble)
    if answer.get("balance") or answer.get("breaches"):
        return page.show("visits/attended.html", visit=visit, answer=answer)
    return page.done(f"/visits/{visit_id}", "The attendance is recorded.")


@router.get("/visits/{visit_id}/result")
async def result(page: CurrentPage, visit_id: UUID) -> Response:
    """The form for what the visitor found."""
    return await _form(page, visit_id, "result", {})


@router.post("/visits/{visit_id}/result")
async def report(page: CurrentPage, visit_id: UUID) -> Response:
    """Record how a visit ended."""
    form = await page.form()
    visit = await page.services.get(SERVICE, f"/v1/visits/{visit_id}")
    body = found_at_door(form, await _zone(page, visit))
    try:
        made = await page.services.post(SERVICE, f"/v1/visits/{visit_id}/result", body, key=form.get("_key"))
    except Trouble as trouble:
        return await _form(page, visit_id, "result", form, trouble)
    if not made["result"]["effective"]:
        return page.done(
            f"/visits/{visit_id}", "The result is kept. It changes nothing until a person of the creditor decides."
        )
    return page.done(f"/visits/{visit_id}", "The result is recorded.")


def found_at_door(form: dict[str, str], zone: str) -> dict[str, Any]:
    """What the form says, as field-visits takes it. Rows that are empty are left out."""
    body: dict[str, Any] = {
        "outcome": form.get("outcome", ""),
        "attended_by": form.get("attended_by", ""),
        "at": _moment(form.get("at", ""), zone),
        "reason_for_non_payment": form.get("reason_for_non_payment") or None,
        "address_verdict": form.get("address_verdict") or None,
        "contacts": [
            {
                "kind": "email" if "@" in form[f"contact_{row}"] else "phone",
                "value": form[f"contact_{row}"],
                "provenance": form.get(f"contact_{row}_by", ""),
            }
            for row in range(CONTACT_ROWS)
            if form.get(f"contact_{row}")
        ],
        "addresses": [_address(form, row) for row in range(ADDRESS_ROWS) if _has_address(form, row)],
    }
    if form.get("latitude") or form.get("longitude"):
        body["position"] = {
            "latitude": _number(form.get("latitude", "")),
            "longitude": _number(form.get("longitude", "")),
            "accuracy_metres": _number(form["accuracy_metres"]) if form.get("accuracy_metres") else None,
        }
    return body


def _number(typed: str) -> float | str:
    """The number that was typed. What is no number goes as it is: the service says what is wrong."""
    try:
        return float(typed.replace(",", "."))
    except ValueError:
        return typed


def _has_address(form: dict[str, str], row: int) -> bool:
    return any(form.get(f"address_{row}_{part}") for part in _PARTS)


def _address(form: dict[str, str], row: int) -> dict[str, str | None]:
    parts = {part: form.get(f"address_{row}_{part}") or None for part in _PARTS}
    return parts | {"provenance": form.get(f"address_{row}_by", "")}


def _moment(typed: str, zone: str) -> str:
    """What was typed as a moment with its offset. What is no moment goes as it is: the service says what is wrong."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except ValueError:
        return typed


async def _form(
    page: Page, visit_id: UUID, which: str, typed: dict[str, str], wrong: Trouble | None = None
) -> Response:
    visit = await page.services.get(SERVICE, f"/v1/visits/{visit_id}")
    now = page.reader.local(datetime.now(UTC), await _zone(page, visit))
    met = visit["attendance"]
    usual = {"at": f"{now:%Y-%m-%dT%H:%M}", "attended_by": met["attended_by"] if met else ""}
    if met:
        usual["at"] = f"{page.reader.local(met['at'], await _zone(page, visit)):%Y-%m-%dT%H:%M}"
    return page.show(
        f"visits/{which}.html",
        422 if wrong else 200,
        visit=visit,
        typed=usual | typed,
        wrong=page.said(wrong) if wrong else None,
        outcomes=OUTCOMES,
        attended_by=ATTENDED_BY,
        verdicts=VERDICTS,
        contact_rows=range(CONTACT_ROWS),
        address_rows=range(ADDRESS_ROWS),
        address_parts=_PARTS,
    )
