"""Portfolio files: loading one, how far it is, what came out, and what a person has to decide."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.files import known
from recobro_console.files.receiving import MOST_FILE_BYTES, FileTooLong, chunks, received
from recobro_console.pages import CurrentPage, Page, Router

MODES = ("delta", "snapshot")
STATUSES = ("received", "reading", "needs_confirmation", "loading", "loaded", "failed")
FINDINGS = ("set_aside", "differs", "unposted", "in_posting", "file_payments", "person_changed", "kept_decisions")
_AT_ONCE = 50
_FILTERS = ("portfolio_id", "status", "undecided", "finished_on")
_AT_WORK = frozenset({"received", "reading", "loading"})
router = Router()


@router.get("/files")
async def files(
    page: CurrentPage,
    portfolio_id: str | None = None,
    status: str | None = None,
    undecided: str | None = None,
    finished_on: str | None = None,
    profile: str = "",
    cursor: str | None = None,
) -> Response:
    """The files, newest first, and the form to load one."""
    wanted = {"portfolio_id": portfolio_id, "status": status, "undecided": undecided, "finished_on": finished_on}
    return await _files(page, wanted, {"portfolio_id": portfolio_id or "", "profile": profile}, cursor=cursor)


async def _files(
    page: Page,
    wanted: dict[str, str | None],
    typed: dict[str, str],
    wrong: str | None = None,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    wanted = dict.fromkeys(_FILTERS) | wanted
    all_known = await known.portfolios(page)
    if len(all_known) == 1:
        typed = typed | {"portfolio_id": next(iter(all_known))}
    found = await page.services.get("portfolio", "/v1/files", order="desc", limit=_AT_ONCE, cursor=cursor, **wanted)
    profiles, usual = await _profiles(page, all_known.get(typed.get("portfolio_id", "")))
    return page.show(
        "files/files.html",
        status,
        profiles=profiles,
        profile=typed.get("profile") or ("" if wrong else usual),
        portfolios=all_known,
        choices=[("", page.tr("choose …")), *((key, each["title"]) for key, each in all_known.items())],
        found=found,
        wanted=wanted,
        typed=typed,
        wrong=wrong,
        first=cursor is None,
        modes=MODES,
        statuses=STATUSES,
        most_bytes=MOST_FILE_BYTES,
    )


async def _profiles(page: Page, portfolio: dict[str, Any] | None) -> tuple[list[tuple[str, str]], str]:
    """The profiles of the portfolio's creditor, with the choice of none, and the one that is chosen at first.

    That is the profile of the portfolio's last file, else the only one that there is.
    """
    if portfolio is None:
        return [], ""
    path = f"/v1/creditors/{portfolio['creditor_id']}/file-profiles"
    found, last = await asyncio.gather(
        page.services.get("portfolio", path, limit=1000),
        page.services.get("portfolio", "/v1/files", portfolio_id=portfolio["portfolio_id"], order="desc", limit=20),
    )
    known = [(each["profile_id"], each["name"]) for each in found["items"]]
    # Corrected rows come with the columns that we gave them.
    used = [each["profile_id"] or "" for each in last["items"] if each["mode"] != "amend"]
    usual = used[0] if used else known[0][0] if len(known) == 1 else ""
    return [("", page.tr("by its headers")), *known], usual


@router.get("/files/profiles")
async def profiles(page: CurrentPage, portfolio_id: str = "") -> Response:
    """How the columns of the chosen portfolio's files can be read: a part of the form."""
    found, usual = await _profiles(page, (await known.portfolios(page)).get(portfolio_id))
    return page.show("files/profile.html", profiles=found, profile=usual)


@router.post("/files")
async def load_file(page: CurrentPage, request: Request) -> Response:
    """Pass the file on to the portfolio. What was typed is kept if it is refused; the file has to be chosen again."""
    try:
        async with received(request) as (typed, file):
            if file is None:
                return await refused(page, typed, page.tr("Choose a file first."))
            if not typed.get("portfolio_id"):
                return await refused(page, typed, page.tr("Choose the portfolio first."))
            loaded = await page.services.upload(
                "portfolio",
                f"/v1/portfolios/{UUID(typed['portfolio_id'])}/files",
                chunks(file),
                key=typed.get("_key"),
                filename=(file.filename or "")[-200:],
                **{name: typed.get(name) for name in ("mode", "as_of", "rows", "confirm_future", "profile")},
            )
    except FileTooLong:
        return await refused(page, {}, page.tr("The file is larger than 256 MB. Split it, or send it by the command."))
    except Refused as refusal:
        return await refused(page, typed, page.said(refusal))
    except ValueError:
        return await refused(page, typed, page.tr("Choose the portfolio first."))
    return page.done(f"/files/{loaded['file_id']}", "The file has arrived. It is read now.")


async def refused(page: Page, typed: dict[str, str], wrong: str) -> Response:
    """The form with what was typed, and what is wrong with it."""
    return await _files(page, {"portfolio_id": typed.get("portfolio_id")}, typed, wrong, status=422)


@router.get("/files/template.{form}")
async def template(page: CurrentPage, form: str) -> Response:
    """An empty portfolio file with all columns."""
    return await page.pass_on("portfolio", "/v1/portfolio-file-template", format=form, lang=str(page.reader.language))


@router.get("/files/{file_id}")
async def file(page: CurrentPage, file_id: UUID) -> Response:
    """One file: how far it is, and what came out."""
    return page.show("files/file.html", **await _one(page, file_id))


@router.get("/files/{file_id}/state")
async def state(page: CurrentPage, file_id: UUID, was: str = "") -> Response:
    """How far the file is. When it has come to rest, the whole page is drawn anew."""
    shown = await _one(page, file_id)
    response = page.show("files/state.html", **shown)
    if was in _AT_WORK and not shown["at_work"]:
        response.headers["HX-Refresh"] = "true"
    return response


async def _one(page: Page, file_id: UUID) -> dict[str, Any]:
    found = await page.services.get("portfolio", f"/v1/files/{file_id}")
    portfolio = (await known.portfolios(page))[found["portfolio_id"]]
    at_work = found["status"] in _AT_WORK
    return {"file": found, "portfolio": portfolio, "zone": portfolio["timezone"], "at_work": at_work, "kinds": FINDINGS}


@router.post("/files/{file_id}/confirmation")
async def confirm(page: CurrentPage, file_id: UUID) -> Response:
    """Answer what the file waits for."""
    typed = await page.form()
    answer: dict[str, Any] = {"accept": typed.get("accept") == "yes"}
    if answer["accept"] and typed.get("code_page"):
        answer |= {"code_page": typed["code_page"], "remember": typed.get("remember") == "yes"}
    await page.services.post("portfolio", f"/v1/files/{file_id}/confirmation", answer, key=typed.get("_key"))
    if answer["accept"]:
        return page.done(f"/files/{file_id}", "Confirmed. The file goes on.")
    return page.done(f"/files/{file_id}", "Refused. The file changes nothing.")


@router.get("/files/{file_id}/findings")
async def findings(
    page: CurrentPage, file_id: UUID, kind: str | None = None, undecided: str | None = None, cursor: str | None = None
) -> Response:
    """What the file says otherwise than it was known; a person decides about some of it."""
    found = await page.services.get(
        "portfolio",
        f"/v1/files/{file_id}/findings",
        kind=kind,
        undecided=undecided,
        cursor=cursor,
        limit=_AT_ONCE,
    )
    one = await _one(page, file_id)
    return page.show(
        "files/findings.html", **one, found=found, kind=kind, undecided=undecided == "true", first=cursor is None
    )


@router.post("/files/{file_id}/decisions")
async def decide(page: CurrentPage, file_id: UUID) -> Response:
    """Decide about contracts that the file has set aside: those that are marked, or all."""
    form = await page.request.form()
    marked = [value for value in form.getlist("contract") if isinstance(value, str)]
    back = f"/files/{file_id}/findings?undecided=true"
    answer: dict[str, Any] = {"accept": form.get("accept") == "yes", "remember": form.get("remember") == "yes"}
    if form.get("which") != "all":
        if not marked:
            return page.done(back, "Mark contracts first. Nothing was changed.")
        answer["contracts"] = marked
    key = form.get("_key")
    path = f"/v1/files/{file_id}/confirmation"
    decided = await page.services.post("portfolio", path, answer, key=key if isinstance(key, str) else None)
    if decided["undecided"]:
        return page.done(back, "Decided. {left} contracts still wait.", left=page.reader.number(decided["undecided"]))
    return page.done(f"/files/{file_id}", "Decided. No contract of this file waits any more.")
