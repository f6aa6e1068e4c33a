"""The first page: how the day stands, live."""

import asyncio
from typing import Any

from starlette.responses import Response

from recobro_console.live.hub import Hub
from recobro_console.pages import CurrentPage, Page, Router

_SHOWN_WITHDRAWALS = 12
router = Router()


@router.get("/today")
async def today(page: CurrentPage) -> Response:
    """The page. Its parts load by themselves, so that one service's silence leaves the rest."""
    return page.show("today/today.html")


@router.get("/today/stages")
async def stages(page: CurrentPage) -> Response:
    """What is owed by stage, over all portfolios of one currency."""
    return page.show("today/stages.html", stages=await page.attempt(page.services.get("portfolio", "/v1/stages")))


@router.get("/today/lists")
async def lists(page: CurrentPage) -> Response:
    """The live lists, each with the report of its withdrawals."""
    return page.show("today/lists.html", lists=await page.attempt(_lists(page)))


async def _lists(page: Page) -> list[dict[str, Any]]:
    found = await page.services.get("dialer-feed", "/v1/lists", order="desc", limit=50)
    live = [each for each in found["items"] if each["status"] in ("published", "building", "failed")][:10]

    async def with_report(each: dict[str, Any]) -> dict[str, Any]:
        if each["status"] != "published":
            return each | {"report": None}
        report = await page.services.get("dialer-feed", "/v1/withdrawal-report", list_id=each["list_id"])
        return each | {"report": report}

    return list(await asyncio.gather(*map(with_report, live)))


@router.get("/today/withdrawals")
async def withdrawals(page: CurrentPage) -> Response:
    """The latest withdrawals, as they happen."""
    hub: Hub = page.request.app.state.hub
    return page.show("today/withdrawals.html", changes=hub.withdrawals()[:_SHOWN_WITHDRAWALS])
