"""The bands of a portfolio: from which day past due on a contract is in which stage."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import forms
from recobro_console.calls import Trouble
from recobro_console.forms import Field, Form
from recobro_console.pages import CurrentPage, NotYours, Page, Router

_LATER = ("early", "late", "legal")
router = Router()


@router.get("/portfolios/{portfolio_id}/bands")
async def bands(portfolio_id: UUID, page: CurrentPage, on: str = "") -> Response:
    """The bands that hold on a day, and all versions."""
    portfolio = await page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}")
    found = await page.attempt(page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}/bands", on=on or None))
    return page.show(
        "files/bands.html", portfolio=portfolio, bands=found, on=on, may_change=page.session.may("portfolio:write")
    )


@router.get("/portfolios/{portfolio_id}/bands/new")
async def new_bands(portfolio_id: UUID, page: CurrentPage) -> Response:
    """The form for other bands, with those of now."""
    return forms.show(page, await _form(page, portfolio_id))


@router.post("/portfolios/{portfolio_id}/bands/new")
async def change(portfolio_id: UUID, page: CurrentPage) -> Response:
    """Give the portfolio these bands. A stage without a day is left out."""
    asked = await _form(page, portfolio_id)
    values = await page.form()
    named = [stage for stage in _LATER if values.get(stage)]
    body = {
        "from": values.get("from", ""),
        "bands": [{"stage": stage, "from_days": _number(values[stage])} for stage in named],
    }
    try:
        await page.services.put("portfolio", f"/v1/portfolios/{portfolio_id}/bands", body)
    except Trouble as trouble:
        return forms.show(page, asked, values, trouble, _places(named))
    return page.done(f"/portfolios/{portfolio_id}/bands", "The bands are entered.")


def _number(typed: str) -> int | str:
    """The number; what is none is left for the service to refuse."""
    return int(typed) if typed.isascii() and typed.isdecimal() else typed


def _places(named: list[str]) -> Mapping[str, str]:
    parts = ("", "/stage", "/from_days")
    return {f"/bands/{place}{part}": stage for place, stage in enumerate(named) for part in parts} | {"/bands": "early"}


async def _form(page: Page, portfolio_id: UUID) -> Form:
    if not page.session.may("portfolio:write"):
        raise NotYours
    path = f"/portfolios/{portfolio_id}/bands"
    portfolio: Mapping[str, Any] = await page.services.get("portfolio", f"/v1/portfolios/{portfolio_id}")
    known = await page.services.get("portfolio", f"/v1{path}")
    begins = {band["stage"]: str(band["from_days"]) for band in known["in_force"]["bands"]}
    number = {"inputmode": "numeric", "maxlength": "4", "autocomplete": "off"}
    stages = [Field(stage, page.reader.word(stage), value=begins.get(stage, ""), attributes=number) for stage in _LATER]
    return Form(
        page.tr("Other bands"),
        page.tr("Enter the bands"),
        path,
        [Field("from", page.tr("They hold from"), "date", known["on"], required=True), *stages],
        [(page.tr("Portfolio"), portfolio["name"])],
        page.tr(
            "Write the first day past due of each stage; leave a stage empty that the portfolio does not have. "
            "If the day has come, all contracts are staged again at once."
        ),
    )
