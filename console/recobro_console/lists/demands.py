"""What protects debtors from calls: what a campaign demands of its dialers, and the numbers that nobody may call."""

import re
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from recobro_console import forms
from recobro_console.calls import Trouble
from recobro_console.files.receiving import FileTooLong, chunks, received
from recobro_console.forms import Field, Form
from recobro_console.pages import STAFF, CurrentPage, Page, Router

COUNTRIES = ("MX", "BR", "US", "GB")
_SERVICE = "dialer-feed"
router = Router(STAFF)


@router.get("/campaigns/{campaign_id}/demands")
async def demands(page: CurrentPage, campaign_id: UUID) -> Response:
    """The form with what the campaign demands now."""
    return forms.show(page, await _demands(page, campaign_id))


async def _demands(page: Page, campaign_id: UUID) -> Form:
    known = await page.services.get(_SERVICE, f"/v1/campaigns/{campaign_id}")
    permits = [("optional", page.tr("may ask before a call")), ("required", page.tr("must ask before each call"))]
    return Form(
        page.tr("What is demanded of dialers"),
        page.tr("Demand it"),
        "/lists",
        [
            Field(
                "caller_ids",
                page.tr("Numbers from which they call"),
                "textarea",
                "\n".join(known["caller_ids"]),
                hint=page.tr("one on each line, such as +525555123456; empty: any"),
            ),
            Field("permits", page.tr("Dialers"), value=known["permits"], options=permits),
        ],
        [(page.tr("Campaign"), known["name"])],
        page.tr("It holds at once. A call from another number, or without the permit that is demanded, is a breach."),
    )


def _numbers(values: forms.Values) -> list[str]:
    return [number for number in re.split(r"[\s,;]+", values.get("caller_ids", "")) if number]


@router.post("/campaigns/{campaign_id}/demands")
async def demand(page: CurrentPage, campaign_id: UUID) -> Response:
    """Replace what the campaign demands."""
    values = await page.form()
    numbers = _numbers(values)
    body = {"caller_ids": numbers, "permits": values.get("permits", "")}
    try:
        await page.services.put(_SERVICE, f"/v1/campaigns/{campaign_id}/demands", body)
    except Trouble as trouble:
        places = {f"/caller_ids/{place}": "caller_ids" for place in range(len(numbers))}
        return forms.show(page, await _demands(page, campaign_id), values, trouble, places)
    return page.done("/lists", "It is demanded from now on.")


@router.get("/lists/suppressions")
async def suppressions(page: CurrentPage) -> Response:
    """The lists of numbers that nobody may call, and the form that loads one."""
    return await _suppressions(page, {})


async def _suppressions(page: Page, typed: dict[str, str], wrong: str | None = None) -> Response:
    found: Any = await page.attempt(page.services.get(_SERVICE, "/v1/suppression-lists"))
    return page.show(
        "lists/suppressions.html", 422 if wrong else 200, found=found, typed=typed, wrong=wrong, countries=COUNTRIES
    )


@router.post("/lists/suppressions")
async def load_suppressions(page: CurrentPage, request: Request) -> Response:
    """Replace a list by the numbers of a file."""
    try:
        async with received(request) as (typed, file):
            if file is None:
                return await _suppressions(page, typed, page.tr("Choose a file first."))
            name = typed.get("name", "")
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name):
                sentence = page.tr("A list's name has small letters, digits and hyphens, such as repep.")
                return await _suppressions(page, typed, sentence)
            loaded = await page.services.upload(
                _SERVICE,
                f"/v1/suppression-lists/{name}",
                chunks(file),
                key=typed.get("_key"),
                country=typed.get("country"),
                allow_empty=typed.get("allow_empty"),
            )
    except FileTooLong:
        return await _suppressions(page, {}, page.tr("The file is larger than 80 MB."))
    except Trouble as trouble:
        return await _suppressions(page, typed, page.said(trouble))
    return page.done(
        "/lists/suppressions",
        "{count} numbers are on the list {name}: nobody may call them from now on.",
        count=page.reader.number(loaded["numbers"]),
        name=loaded["name"],
    )
