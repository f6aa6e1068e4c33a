"""The answers to dialers' questions before calls, which are kept as evidence and found by contract and day."""

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.insight.api import INSIDE
from recobro_console.pages import CurrentPage, Page, Router

_SERVICE = "dialer-feed"
_ROWS = 50
router = Router()


@router.get("/lists/permits")
async def permits(
    page: CurrentPage,
    number: str = "",
    granted: str = "",
    first: str = "",
    last: str = "",
    cursor: str | None = None,
) -> Response:
    """The permits and refusals, newest first; those of one contract, of some days, with one answer."""
    number = number.strip()
    contract_id = await _numbered(page, number) if number else None
    found: Any = {"items": [], "next_cursor": None}
    if contract_id or not number:
        days = {"from": first, "to": last}
        asked = {"contract_id": contract_id, "granted": granted, "order": "desc", "cursor": cursor, "limit": _ROWS}
        found = await page.attempt(page.services.get(_SERVICE, "/v1/permits", **days, **asked))
        await names.spoken(page, found, "asked_by")
    wanted = {"number": number, "granted": granted, "first": first, "last": last}
    return page.show(
        "lists/evidence.html", found=found, wanted=wanted, first=cursor is None, agencies=await names.agencies(page)
    )


async def _numbered(page: Page, number: str) -> str | None:
    found = await page.attempt(page.services.get("portfolio", "/v1/contracts", number=number, limit=1))
    return None if isinstance(found, Trouble) or not found["items"] else str(found["items"][0]["contract_id"])


@router.get("/lists/permits/{permit_id}")
async def permit(page: CurrentPage, permit_id: UUID) -> Response:
    """One permit or refusal, with what was known when it was decided."""
    found = await page.services.get(_SERVICE, f"/v1/permits/{permit_id}")
    await names.spoken(page, {"items": [found]}, "asked_by")
    agencies, campaigns, contracts = await asyncio.gather(
        names.agencies(page), names.campaigns(page), names.contracts(page, [found])
    )
    known = contracts.get(found["contract_id"])
    zones = await names.zones(page) if known else {}
    return page.show(
        "lists/permit.html",
        permit=found,
        inside=INSIDE,
        contract=known,
        agencies=agencies,
        campaigns=campaigns,
        zone=zones.get(known["portfolio_id"]) if known else None,
    )


@router.get("/lists/calls/{call_id}")
async def call(page: CurrentPage, call_id: str, agency_id: str = "") -> Response:
    """The evidence of one call: permit, attempt, result and recording."""
    found = await page.services.get(_SERVICE, f"/v1/calls/{quote(call_id, safe='')}", agency_id=agency_id)
    agencies, contracts = await asyncio.gather(names.agencies(page), names.contracts(page, [found["call"]]))
    known = contracts.get(found["call"]["contract_id"])
    zones = await names.zones(page) if known else {}
    zone = zones.get(known["portfolio_id"]) if known else None
    return page.show("lists/call.html", **found, contract=known, agencies=agencies, zone=zone)
