"""Banks' files of payments: loading one, what came out, and the money that names no contract."""

from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.files import known
from recobro_console.files.receiving import MOST_FILE_BYTES, FileTooLong, chunks, received
from recobro_console.pages import CurrentPage, Page, Router

STATUSES = ("received", "reading", "loading", "loaded", "failed")
STATES = ("open", "allocated", "returned", "reversed")
_AT_ONCE = 50
_AT_WORK = frozenset({"received", "reading", "loading"})
_SENT = ("channel", "control_rows", "control_amount", "dry_run")
_UNIDENTIFIED = "/payments/unidentified"
router = Router()


@router.get("/payments")
async def payments(
    page: CurrentPage, portfolio_id: str | None = None, status: str | None = None, cursor: str | None = None
) -> Response:
    """The payment files, newest first, and the form to load one."""
    return await _payments(page, {"portfolio_id": portfolio_id, "status": status}, cursor=cursor)


async def _payments(
    page: Page,
    wanted: dict[str, str | None],
    typed: dict[str, str] | None = None,
    wrong: str | None = None,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    wanted = {"portfolio_id": None, "status": None, **wanted}
    all_known = await known.portfolios(page)
    found = await page.services.get(
        "portfolio", "/v1/payment-files", order="desc", limit=_AT_ONCE, cursor=cursor, **wanted
    )
    waiting = await page.services.get("portfolio", "/v1/unidentified-payments", state="open", limit=_AT_ONCE)
    return page.show(
        "payments/payments.html",
        status,
        portfolios=all_known,
        choices=[("", page.tr("choose …")), *((key, each["title"]) for key, each in all_known.items())],
        found=found,
        waiting=len(waiting["items"]),
        more_waiting=waiting["next_cursor"] is not None,
        wanted=wanted,
        typed=typed or {"portfolio_id": wanted["portfolio_id"] or ""},
        wrong=wrong,
        first=cursor is None,
        statuses=STATUSES,
        most_bytes=MOST_FILE_BYTES,
    )


@router.post("/payments")
async def load_file(page: CurrentPage, request: Request) -> Response:
    """Pass the file on to the portfolio. What was typed is kept if it is refused; the file has to be chosen again."""
    typed: dict[str, str] = {}
    try:
        async with received(request) as (typed, file):
            if file is None:
                return await _payments(page, {}, typed, page.tr("Choose a file first."), status=422)
            loaded = await page.services.upload(
                "portfolio",
                f"/v1/portfolios/{UUID(typed.get('portfolio_id', ''))}/payment-files",
                chunks(file),
                key=typed.get("_key"),
                filename=(file.filename or "")[-200:],
                **{name: typed.get(name) or None for name in _SENT},
            )
    except FileTooLong:
        wrong = page.tr("The file is larger than 256 MB. Split it, or send it by the command.")
        return await _payments(page, {}, typed, wrong, status=422)
    except Refused as refusal:
        return await _payments(page, {}, typed, page.said(refusal), status=422)
    except ValueError:
        return await _payments(page, {}, typed, page.tr("Choose the portfolio first."), status=422)
    return page.done(f"/payments/files/{loaded['file_id']}", "The file has arrived. It is read now.")


@router.get("/payments/files/{file_id}")
async def file(page: CurrentPage, file_id: UUID, cursor: str | None = None) -> Response:
    """One file: how far it is, what came out, and its rejected rows."""
    return await _file(page, file_id, cursor)


async def _file(
    page: Page, file_id: UUID, cursor: str | None = None, wrong: str | None = None, status: int = 200
) -> Response:
    shown = await _one(page, file_id)
    rejects = None
    if shown["file"]["rows_rejected"]:
        path = f"/v1/payment-files/{file_id}/rejected-rows"
        rejects = await page.attempt(page.services.get("portfolio", path, limit=_AT_ONCE, cursor=cursor))
    return page.show("payments/file.html", status, **shown, rejects=rejects, first=cursor is None, wrong=wrong)


@router.post("/payments/files/{file_id}/booking")
async def book(page: CurrentPage, file_id: UUID) -> Response:
    """Book the file that was tried."""
    typed = await page.form()
    path = f"/payments/files/{file_id}"
    try:
        await page.services.post("portfolio", f"/v1/payment-files/{file_id}/booking", {}, key=typed.get("_key"))
    except Refused as refusal:
        return await _file(page, file_id, wrong=page.said(refusal), status=422)
    return page.done(path, "The file is booked now.")


@router.get("/payments/files/{file_id}/state")
async def state(page: CurrentPage, file_id: UUID, was: str = "") -> Response:
    """How far the file is. When it has come to rest, the whole page is drawn anew."""
    shown = await _one(page, file_id)
    response = page.show("payments/state.html", **shown)
    if was in _AT_WORK and not shown["at_work"]:
        response.headers["HX-Refresh"] = "true"
    return response


@router.get("/payments/files/{file_id}/rejects.csv")
async def download(page: CurrentPage, file_id: UUID) -> Response:
    """All rejected rows, to be corrected in a spreadsheet and sent as a new file."""
    return await page.pass_on("portfolio", f"/v1/payment-files/{file_id}/rejects")


async def _one(page: Page, file_id: UUID) -> dict[str, Any]:
    found = await page.services.get("portfolio", f"/v1/payment-files/{file_id}")
    portfolio = (await known.portfolios(page))[found["portfolio_id"]]
    at_work = found["status"] in _AT_WORK
    return {"file": found, "portfolio": portfolio, "zone": portfolio["timezone"], "at_work": at_work}


@router.get(_UNIDENTIFIED)
async def unidentified(
    page: CurrentPage,
    portfolio_id: str | None = None,
    state: str = "open",
    q: str | None = None,
    file_id: str | None = None,
    cursor: str | None = None,
) -> Response:
    """The money that names no contract, the oldest first, with the forms that give it its place."""
    wanted = {"portfolio_id": portfolio_id, "state": state, "q": q, "file_id": file_id}
    return await _unidentified(page, wanted, cursor=cursor)


async def _unidentified(
    page: Page,
    wanted: dict[str, str | None],
    typed: dict[str, str] | None = None,
    wrong: str | None = None,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    wanted = {"portfolio_id": None, "state": None, "q": None, "file_id": None, **wanted}
    found = await page.services.get(
        "portfolio",
        "/v1/unidentified-payments",
        limit=_AT_ONCE,
        cursor=cursor,
        **{k: v or None for k, v in wanted.items()},
    )
    return page.show(
        "payments/unidentified.html",
        status,
        portfolios=await known.portfolios(page),
        found=found,
        wanted=wanted,
        typed=typed or {},
        wrong=wrong,
        first=cursor is None,
        states=STATES,
    )


@router.post("/payments/unidentified/{unidentified_id}/allocation")
async def allocate(page: CurrentPage, unidentified_id: UUID) -> Response:
    """Book the money, or a part of it, on the contract with this number."""
    typed = await page.form()
    body = {name: typed[name] for name in ("portfolio_id", "contract_number", "amount") if typed.get(name)}
    path = f"/v1/unidentified-payments/{unidentified_id}/allocation"
    try:
        booked = await page.services.post("portfolio", path, body, key=typed.get("_key"))
    except Refused as refusal:
        typed["unidentified_id"] = str(unidentified_id)
        return await _unidentified(page, {"state": "open"}, typed, page.said(refusal), status=422)
    return page.done(
        _UNIDENTIFIED,
        "Booked on {contract}. Of this payment {left} still waits.",
        contract=typed.get("contract_number", ""),
        left=page.reader.money(booked["unidentified"]["remaining"], booked["unidentified"]["currency"]),
    )


@router.post("/payments/unidentified/{unidentified_id}/return")
async def give_back(page: CurrentPage, unidentified_id: UUID) -> Response:
    """Note that what is left goes back to the payer."""
    typed = await page.form()
    path = f"/v1/unidentified-payments/{unidentified_id}/return"
    try:
        await page.services.post("portfolio", path, {"reason": typed.get("reason", "")}, key=typed.get("_key"))
    except Refused as refusal:
        return await _unidentified(page, {"state": "open"}, typed, page.said(refusal), status=422)
    return page.done(_UNIDENTIFIED, "Noted: the money goes back to its payer.")
