"""Pauses of a person, a portfolio or a postal code: which there are, entering one, and ending it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console import forms, names
from recobro_console.calls import Trouble
from recobro_console.contracts.acts import Act, Subject, about, day, given, text
from recobro_console.contracts.names import may_change
from recobro_console.forms import KEY, Field, Form, Values
from recobro_console.names import Names
from recobro_console.pages import CurrentPage, NotYours, Page, Router

AT = "/contracts/pauses"
_PATH = "/v1/scoped-pauses"
_ON_A_PAGE = 50
router = Router()


@router.get(AT)
async def pauses(page: CurrentPage, cursor: str | None = None) -> Response:
    """The pauses of people, portfolios and postal codes, newest first."""
    return page.show("contracts/pauses.html", cursor=cursor, may=may_change(page, "portfolio"))


@router.get(f"{AT}/table")
async def table(page: CurrentPage, cursor: str | None = None) -> Response:
    """The pauses, with how many contracts each holds for so far."""
    found, creditors, portfolios = await asyncio.gather(
        page.attempt(page.services.get("portfolio", _PATH, order="desc", cursor=cursor, limit=_ON_A_PAGE)),
        names.creditors(page),
        names.portfolios(page),
    )
    if not isinstance(found, Trouble):
        days = await page.attempt(_business_days(page))
        people = await _people(page, {each["person_id"] for each in found["items"] if each["person_id"]})
        for each in found["items"]:
            each["name"] = _name(each, people, portfolios)
            each["called_off"] = each["ends_on"] is not None and each["ends_on"] < each["starts_on"]
            today = None if isinstance(days, Trouble) else days.get(each["portfolio_id"] or each["creditor_id"])
            each["is_over"] = None not in (today, each["ends_on"]) and each["ends_on"] < today
    return page.show(
        "contracts/pauses_table.html",
        found=found,
        creditors=creditors,
        cursor=cursor,
        may=may_change(page, "portfolio"),
    )


async def _business_days(page: Page) -> Mapping[str, str]:
    """The business date of each portfolio, and the latest one of each creditor's, by their ids."""
    days: dict[str, str] = {}
    async for each in page.services.items("portfolio", "/v1/portfolios", limit=1000):
        days[each["portfolio_id"]] = today = each["business_date"] or ""
        days[each["creditor_id"]] = max(days.get(each["creditor_id"], ""), today)
    return days


async def _people(page: Page, person_ids: set[str]) -> Names:
    async def name(person_id: str) -> tuple[str, str] | None:
        found = await page.attempt(page.services.get("portfolio", f"/v1/people/{person_id}"))
        held = [] if isinstance(found, Trouble) else [one for each in found["customers"] for one in each["contracts"]]
        return (person_id, held[0]["debtor_name"]) if held else None

    return Names(each for each in await asyncio.gather(*map(name, sorted(person_ids))) if each)


def _name(pause: Mapping[str, Any], people: Names, portfolios: Names) -> str:
    if pause["person_id"]:
        return people[pause["person_id"]]
    return (
        portfolios[pause["portfolio_id"]] if pause["portfolio_id"] else f"{pause['postal_code']} ({pause['country']})"
    )


def _days(page: Page, first: str) -> list[Field]:
    return [
        text("reason", page.tr("Reason"), longest=2000),
        day("starts_on", page.tr("First day"), first),
        day("ends_on", page.tr("Last day"), required=False, hint=page.tr("empty: until somebody ends it")),
    ]


async def _of_portfolio(page: Page) -> Form:
    known = [each async for each in page.services.items("portfolio", "/v1/portfolios", limit=1000)]
    options = [("", page.tr("choose …")), *((each["portfolio_id"], each["name"]) for each in known)]
    choice = Field("portfolio_id", page.tr("Portfolio"), options=options, required=True)
    title = page.tr("Pause a portfolio")
    lead = page.tr("Nobody contacts the debtors of the portfolio on these days, and they do not count as past due.")
    return Form(title, page.tr("Pause now"), AT, [choice, *_days(page, _today(page))], lead=lead)


async def _of_postal_code(page: Page) -> Form:
    known = [each async for each in page.services.items("portfolio", "/v1/creditors", limit=1000)]
    countries = sorted({each["country"] for each in known})
    fields = [
        Field("creditor_id", page.tr("Creditor"), options=[(each["creditor_id"], each["name"]) for each in known]),
        text("postal_code", page.tr("Postal code"), longest=12),
        Field(
            "country", page.tr("Country"), value=(countries or [""])[0], required=True, attributes={"maxlength": "2"}
        ),
    ]
    lead = page.tr("It holds for every contract of the creditor that has an address there.")
    title = page.tr("Pause a postal code")
    return Form(title, page.tr("Pause now"), AT, [*fields, *_days(page, _today(page))], lead=lead)


def _today(page: Page) -> str:
    return str(forms.today_in(page.reader, None))


_SCOPES: Mapping[str, tuple[Callable[[Page], Awaitable[Form]], tuple[str, ...]]] = {
    "portfolio": (_of_portfolio, ("portfolio_id",)),
    "postal_code": (_of_postal_code, ("creditor_id", "country", "postal_code")),
}
"""The form of each scope that is entered here, and the fields that name it."""


@router.get(f"{AT}/new/{{kind}}")
async def form(kind: str, page: CurrentPage) -> Response:
    """The form for a pause of a portfolio or of a postal code."""
    reads, _ = _known(page, kind)
    return forms.show(page, await reads(page))


@router.post(f"{AT}/new/{{kind}}")
async def start(kind: str, page: CurrentPage) -> Response:
    """Pause a portfolio or a postal code."""
    reads, fields = _known(page, kind)
    values = await page.form()
    scope = given(values, *fields)
    if "country" in scope:
        scope["country"] = scope["country"].upper()
    try:
        return await _start(page, scope, values, AT)
    except Trouble as trouble:
        places = {f"/scope/{name}": name for name in fields} | {"/scope": fields[-1]}
        return forms.show(page, await reads(page), values, trouble, places)


def _known(page: Page, kind: str) -> tuple[Callable[[Page], Awaitable[Form]], tuple[str, ...]]:
    if kind not in _SCOPES:
        raise HTTPException(404)
    if not may_change(page, "portfolio"):
        raise NotYours
    return _SCOPES[kind]


async def _start(page: Page, scope: Mapping[str, str], values: Values, back: str) -> Response:
    body = {"scope": scope, **given(values, "reason", "starts_on", "ends_on")}
    begun = await page.services.post("portfolio", _PATH, body, key=values.get(KEY))
    if begun["applied"]:
        return page.done(back, "Paused: {count} contracts.", count=page.reader.number(begun["contracts"]))
    return page.done(
        back,
        "Paused: {count} contracts so far. The others follow within minutes.",
        count=page.reader.number(begun["contracts"]),
    )


@router.get(f"{AT}/{{pause_id}}/end")
async def ending(pause_id: UUID, page: CurrentPage) -> Response:
    """The form that ends a pause."""
    return forms.show(page, await _ending(page, pause_id))


@router.post(f"{AT}/{{pause_id}}/end")
async def end(pause_id: UUID, page: CurrentPage) -> Response:
    """Give a pause its last day."""
    asked, values = await _ending(page, pause_id), await page.form()
    try:
        ended = await page.services.post(
            "portfolio", f"{_PATH}/{pause_id}/end", given(values, "ends_on"), key=values.get(KEY)
        )
    except Trouble as trouble:
        return forms.show(page, asked, values, trouble)
    if ended["ends_on"] < ended["starts_on"]:
        return page.done(AT, "The pause is called off.")
    return page.done(AT, "The last paused day is {day}.", day=page.reader.day(ended["ends_on"]))


async def _ending(page: Page, pause_id: UUID) -> Form:
    if not may_change(page, "portfolio"):
        raise NotYours
    pause = await page.services.get("portfolio", f"{_PATH}/{pause_id}")
    people = await _people(page, {pause["person_id"]} if pause["person_id"] else set())
    named = _name(pause, people, await names.portfolios(page))
    return Form(
        page.tr("End the pause"),
        page.tr("End the pause"),
        AT,
        [day("ends_on", page.tr("Last paused day"), required=False, hint=page.tr("else the business date"))],
        [
            (page.tr("Paused"), f"{page.reader.word('scope ' + pause['kind'])} {named}"),
            (page.tr("First day"), page.reader.day(pause["starts_on"])),
            (page.tr("Contracts"), page.reader.number(pause["contracts"])),
            (page.tr("Reason"), pause["reason"]),
        ],
    )


async def _of_person(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Pause the person"),
        page.tr("Pause now"),
        subject.path,
        _days(page, subject.contract["business_date"]),
        about(page, subject.contract),
        page.tr("Nobody contacts the person on these days about any contract, and they do not count as past due."),
    )


async def _pause_person(page: Page, subject: Subject, values: Values) -> Response:
    debtor = subject.contract["debtor"]
    scope = {"person_id": debtor["person_id"] or debtor["debtor_id"]}
    return await _start(page, scope, values, subject.path)


ACTS: Mapping[str, Act] = {"person-pause": Act("portfolio", _of_person, _pause_person)}
