"""New portfolios, and the creditors that hand them over."""

from typing import Any

from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.pages import CurrentPage, Page, Router

KINDS = ("financial", "commercial")
COUNTRIES = ("MX", "BR", "US", "GB")
CURRENCIES = ("MXN", "BRL", "USD", "GBP")
_FIRST = {"creditor_id": "", "kind": "financial", "country": "MX", "currency": "MXN", "jurisdiction": "MX"}
router = Router()


@router.get("/files/new-portfolio")
async def new_portfolio(page: CurrentPage) -> Response:
    """The form for a new portfolio."""
    return await _form(page, dict(_FIRST))


async def _form(page: Page, typed: dict[str, str], wrong: str | None = None, status: int = 200) -> Response:
    creditors = [each async for each in page.services.items("portfolio", "/v1/creditors")]
    return page.show(
        "files/new_portfolio.html",
        status,
        creditors=creditors,
        typed=typed,
        wrong=wrong,
        kinds=KINDS,
        countries=[(code, page.reader.word(f"country {code}")) for code in COUNTRIES],
        currencies=[(code, code) for code in CURRENCIES],
    )


@router.post("/files/new-portfolio")
async def create(page: CurrentPage) -> Response:
    """Register the portfolio, and before it its creditor if that is new too."""
    typed = dict(_FIRST) | await page.form()
    try:
        if not typed["creditor_id"]:
            new = {"name": typed.get("creditor_name", ""), "kind": typed["kind"], "country": typed["country"]}
            key = f"{typed['_key']}-creditor" if typed.get("_key") else None
            created = await page.services.post("portfolio", "/v1/creditors", new, key=key)
            # If the portfolio is refused, the creditor is there already and stays chosen.
            typed["creditor_id"] = created["creditor_id"]
        portfolio = await page.services.post("portfolio", "/v1/portfolios", _portfolio(typed), key=typed.get("_key"))
    except Refused as refusal:
        return await _form(page, typed, page.said(refusal), 422)
    return page.done(
        f"/files?portfolio_id={portfolio['portfolio_id']}", "The portfolio is ready. Load its first file now."
    )


def _portfolio(typed: dict[str, str]) -> dict[str, Any]:
    return {
        "creditor_id": typed["creditor_id"],
        "name": typed.get("name", ""),
        "product": typed.get("product") or None,
        "currency": typed["currency"],
        "jurisdiction": typed["jurisdiction"],
    }
