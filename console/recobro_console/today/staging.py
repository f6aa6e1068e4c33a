"""The daily run, begun by hand: the business date moves forward, and every contract that is due is staged."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from recobro_console import forms
from recobro_console.calls import Refused, Trouble
from recobro_console.forms import AGAIN, KEY, Field, Form, Values, today_in
from recobro_console.pages import CurrentPage, NotYours, Page, Router
from recobro_console.sessions.store import Role

_PATIENCE_SECONDS = 2.0
_MOST_LOOKS = 30
_SHOWN = 10
router = Router()


@router.get("/today/staging")
async def form(page: CurrentPage) -> Response:
    """The form, with the day of today in it."""
    _allow(page)
    return forms.show(page, await _form(page))


@router.post("/today/staging")
async def run(page: CurrentPage) -> Response:
    """Begin the run. A short one is waited for; a longer one goes on by itself, and the table of jobs shows how far."""
    _allow(page)
    values = await page.form()
    try:
        outcome = await _begun(page, values)
    except Trouble as trouble:
        return forms.show(page, await _form(page, trouble), values, trouble)
    if outcome is None:
        return page.done(_back(page), "The run goes on by itself. Its progress is shown with the jobs of the day.")
    return page.done(
        _back(page),
        "The contracts are staged up to {day}: {changed} have changed their stage.",
        day=page.reader.day(outcome["as_of"]),
        changed=page.reader.number(outcome["changed"]),
    )


def _allow(page: Page) -> None:
    if not page.session.may("portfolio:write"):
        raise NotYours


def _back(page: Page) -> str:
    return "/operations" if page.session.role is Role.SUPERVISOR else "/today"


async def _form(page: Page, trouble: Trouble | None = None) -> Form:
    known = (await page.services.get("portfolio", "/v1/portfolios", limit=1000, returned=False))["items"]
    days = [(each["name"], page.reader.day(each["business_date"])) for each in known if each["business_date"]]
    facts = [(page.tr("Business date of {name}", name=name), day) for name, day in days[:_SHOWN]]
    if isinstance(trouble, Refused) and trouble.code == "confirm-future":
        facts = [_ahead(page, each) for each in trouble.problem.get("portfolios", [])[:_SHOWN]]
    today = max((today_in(page.reader, each["timezone"]) for each in known), default=today_in(page.reader, None))
    return Form(
        page.tr("Run the day"),
        page.tr("Run the day"),
        _back(page),
        [
            Field("as_of", page.tr("Business date"), "date", str(today), required=True),
            Field(
                "portfolio_id",
                page.tr("Portfolio"),
                options=[("", page.tr("all")), *((each["portfolio_id"], each["name"]) for each in known)],
            ),
        ],
        facts,
        page.tr("The business date moves forward day by day, and each contract gets the stage of that day."),
        again={"confirm-future": page.tr("I mean this day: move to it")},
    )


def _ahead(page: Page, portfolio: Mapping[str, Any]) -> tuple[str, str]:
    said = page.tr(
        "{days} days after {today}",
        days=page.reader.number(portfolio["days_ahead"]),
        today=page.reader.day(portfolio["today"]),
    )
    return (portfolio["name"] or page.tr("Portfolio"), said)


async def _begun(page: Page, values: Values) -> Mapping[str, Any] | None:
    """What the run did, or None if it goes on. The service works on it when nobody waits any more."""
    body: dict[str, Any] = {"as_of": values.get("as_of", ""), "confirm_future": AGAIN in values}
    body |= {"portfolio_id": values["portfolio_id"]} if values.get("portfolio_id") else {}
    asked = asyncio.ensure_future(page.services.post("portfolio", "/v1/staging-runs", body, key=values.get(KEY)))
    try:
        for _ in range(_MOST_LOOKS):
            if (await asyncio.wait({asked}, timeout=_PATIENCE_SECONDS))[0]:
                return dict(await asked)
            current = await page.attempt(page.services.get("portfolio", "/v1/staging-runs/current"))
            if isinstance(current, dict) and current["as_of"] == body["as_of"]:
                return None
        return None
    finally:
        asked.cancel()
