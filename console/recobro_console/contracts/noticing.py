"""Notices: one that was sent to the debtor is recorded with its proof, and the receipt's file is kept with it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console import forms
from recobro_console.calls import Refused, Trouble
from recobro_console.contracts.acts import Contract, about, given, text, words
from recobro_console.contracts.names import may_change
from recobro_console.files.receiving import FileTooLong, received
from recobro_console.forms import KEY, Field, Form, Values, today_in
from recobro_console.pages import STAFF, CurrentPage, NotYours, Page, Router

KINDS = ("reminder", "extrajudicial", "judicial", "bureau")
MOST_BYTES = 10 * 1024 * 1024
_BEGINNINGS = (b"%PDF-", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""How a receipt's file begins. A notice states its hash, so another kind of file is refused before it is recorded."""
_PROOF = ("registered_number", "receipt_sha256")
_PLACES = {"/proof": "registered_number", **{f"/proof/{name}": name for name in _PROOF}}
router = Router(STAFF)


class _WrongFile(Exception):
    """The file cannot be a receipt. The text says why, in the user's language."""


@router.get("/contracts/{contract_id}/notice")
async def notice(contract_id: UUID, page: CurrentPage) -> Response:
    """The form of a notice, with its receipt's file."""
    return forms.show(page, await _notice(page, await _contract(page, contract_id)))


@router.post("/contracts/{contract_id}/notice")
async def record(contract_id: UUID, page: CurrentPage, request: Request) -> Response:
    """Record a notice, and store its receipt. The notice states the file's hash, so no other file takes its place."""
    contract = await _contract(page, contract_id)
    values: Values = {}
    try:
        async with received(request) as (values, file):
            content = await _content(page, file)
        body = given(values, "kind", "channel", "sent_on", "document")
        body["proof"] = given(values, "registered_number")
        if content is not None:
            body["proof"]["receipt_sha256"] = hashlib.sha256(content).hexdigest()
        path = f"/v1/contracts/{contract_id}/notices"
        made = await page.services.post("portfolio", path, body, key=values.get(KEY))
    except (FileTooLong, _WrongFile, Trouble) as wrong:
        return await _again(page, await _notice(page, contract), values, wrong)
    if content is None:
        return page.done(_page_of(contract), "The notice is recorded.")
    try:
        await _store(page, made["notice_id"], content)
    except Refused as refused:
        sentence = "The notice is recorded, but its receipt was not stored: {reason}"
        return page.done(_page_of(contract), sentence, reason=page.said(refused))
    except Trouble as wrong:
        # Sent again, the notice is recorded once and the file is stored.
        return await _again(page, await _notice(page, contract), values, wrong)
    return page.done(_page_of(contract), "The notice is recorded, and its receipt is stored.")


@router.get("/contracts/{contract_id}/receipt")
async def receipt(contract_id: UUID, of: UUID, page: CurrentPage) -> Response:
    """The form that adds the receipt's file to a notice."""
    return forms.show(page, await _receipt(page, await _contract(page, contract_id), of))


@router.post("/contracts/{contract_id}/receipt")
async def store(contract_id: UUID, of: UUID, page: CurrentPage, request: Request) -> Response:
    """Store the receipt's file of a notice that has none yet."""
    contract = await _contract(page, contract_id)
    asked = await _receipt(page, contract, of)
    values: Values = {}
    try:
        async with received(request) as (values, file):
            content = await _content(page, file)
        if content is None:
            raise _WrongFile(page.tr("Choose a file first."))
        await _store(page, str(of), content)
    except (FileTooLong, _WrongFile, Trouble) as wrong:
        return await _again(page, asked, values, wrong)
    return page.done(_page_of(contract), "The receipt is stored.")


@router.get("/contracts/notices/{notice_id}/receipt")
async def receipt_file(notice_id: UUID, page: CurrentPage) -> Response:
    """The receipt's file as it was stored."""
    return await page.pass_on("portfolio", f"/v1/notices/{notice_id}/receipt")


async def _contract(page: Page, contract_id: UUID) -> Contract:
    if not may_change(page, "portfolio"):
        raise NotYours
    found: Contract = await page.services.get("portfolio", f"/v1/contracts/{contract_id}")
    return found


def _page_of(contract: Contract) -> str:
    return f"/contracts/{contract['contract_id']}"


async def _notice(page: Page, contract: Contract) -> Form:
    portfolio = await page.services.get("portfolio", f"/v1/portfolios/{contract['portfolio_id']}")
    today = str(today_in(page.reader, portfolio["timezone"]))
    return Form(
        page.tr("Record a notice"),
        page.tr("Record a notice"),
        _page_of(contract),
        [
            Field("kind", page.tr("Kind"), options=words(page, KINDS, "notice ")),
            text("channel", page.tr("Channel"), longest=200),
            Field("sent_on", page.tr("Sent on"), "date", today, required=True),
            text(
                "registered_number",
                page.tr("Number of the registered letter"),
                required=False,
                hint=page.tr("needed if there is no receipt"),
            ),
            _file(page, page.tr("Receipt"), required=False),
            text("document", page.tr("Where the paper is kept"), required=False, longest=1000),
        ],
        about(page, contract),
    )


async def _receipt(page: Page, contract: Contract, notice_id: UUID) -> Form:
    found: Sequence[Mapping[str, Any]] = await page.services.get(
        "portfolio", f"/v1/contracts/{contract['contract_id']}/notices"
    )
    notice = next((each for each in found if each["notice_id"] == str(notice_id)), None)
    if notice is None:
        raise HTTPException(404)
    facts = [
        *about(page, contract),
        (page.tr("Notice"), page.reader.word(f"notice {notice['kind']}")),
        (page.tr("Sent on"), page.reader.day(notice["sent_on"])),
    ]
    title = page.tr("Add the receipt")
    return Form(title, title, _page_of(contract), [_file(page, page.tr("Receipt"), required=True)], facts)


def _file(page: Page, label: str, *, required: bool) -> Field:
    too_large = page.tr("The file is larger than 10 MB.")
    limits = {"accept": ".pdf,.jpg,.jpeg,.png", "data-most-bytes": str(MOST_BYTES), "data-too-large": too_large}
    hint = page.tr("PDF, JPEG or PNG, up to 10 MB")
    return Field("file", label, "file", required=required, hint=hint, attributes=limits)


async def _content(page: Page, file: UploadFile | None) -> bytes | None:
    """The file's bytes, or None without a file. Raises ``_WrongFile`` for one that cannot be a receipt."""
    if file is None:
        return None
    if (file.size or 0) > MOST_BYTES:
        raise FileTooLong
    content = await file.read()
    if not content.startswith(_BEGINNINGS):
        raise _WrongFile(page.tr("The receipt has to be a PDF, a JPEG or a PNG."))
    return content


async def _store(page: Page, notice_id: str, content: bytes) -> None:
    await page.services.store("portfolio", f"/v1/notices/{notice_id}/receipt", content)


async def _again(page: Page, asked: Form, values: Values, wrong: Exception) -> Response:
    """The form with what was typed. A browser does not keep a file, so it has to be chosen again."""
    if isinstance(wrong, Trouble):
        return forms.show(page, asked, values, wrong, _PLACES)
    said = page.tr("The file is larger than 10 MB.") if isinstance(wrong, FileTooLong) else str(wrong)
    return forms.show(page, asked, values, own={"file": said})
