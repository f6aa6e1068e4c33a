"""The portfolios as pages of files need them: with their creditor's name, currency and time zone."""

from typing import Any

from recobro_console.pages import Page

_AT_ONCE = 1000


async def portfolios(page: Page) -> dict[str, dict[str, Any]]:
    """Every portfolio by its id, with ``title``: its name, and its creditor's where that says more."""
    creditors = {
        each["creditor_id"]: each["name"]
        async for each in page.services.items("portfolio", "/v1/creditors", limit=_AT_ONCE)
    }
    found = {
        each["portfolio_id"]: each async for each in page.services.items("portfolio", "/v1/portfolios", limit=_AT_ONCE)
    }
    for each in found.values():
        creditor = creditors.get(each["creditor_id"], "")
        each["title"] = each["name"] if creditor in ("", each["name"]) else f"{creditor} · {each['name']}"
    return found
