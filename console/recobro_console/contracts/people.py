"""Customers who are one person: said by a person who knows it, and taken back. A person is erased for all of them."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Gone, Subject, about, given, text
from recobro_console.forms import KEY, Form, Values
from recobro_console.pages import Page


def _person_of(subject: Subject) -> str:
    debtor = subject.contract["debtor"]
    return str(debtor["person_id"] or debtor["debtor_id"])


async def _joining(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Join with another customer"),
        page.tr("They are one person"),
        subject.path,
        [
            text("number", page.tr("Number of a contract of the other customer"), longest=100),
            text("reason", page.tr("How you know it"), longest=500),
        ],
        about(page, subject.contract),
        page.tr("Death, a representative and opt-outs then hold for all contracts of the person."),
    )


async def _join(page: Page, subject: Subject, values: Values) -> Response:
    other = await _contract(page, subject, values["number"]) if values.get("number") else None
    # A number that no contract of the creditor has is refused by portfolio, with its own words.
    other = other or str(UUID(int=0))
    body = {"contract_id": other} | given(values, "reason")
    await page.services.post("portfolio", f"/v1/people/{_person_of(subject)}/links", body, key=values.get(KEY))
    return page.done(subject.path, "The customers are one person from now on.")


async def _contract(page: Page, subject: Subject, number: str) -> str | None:
    """The id of the contract of the same creditor that has this number."""
    portfolios = {each["portfolio_id"]: each async for each in page.services.items("portfolio", "/v1/portfolios")}
    creditor = portfolios[subject.contract["portfolio_id"]]["creditor_id"]
    found = await page.services.get("portfolio", "/v1/contracts", number=number, limit=100)
    ours = (each for each in found["items"] if portfolios[each["portfolio_id"]]["creditor_id"] == creditor)
    return next((str(each["contract_id"]) for each in ours), None)


async def _parting(page: Page, subject: Subject) -> Form:
    person = await page.services.get("portfolio", f"/v1/people/{_person_of(subject)}")
    held: list[Mapping[str, Any]] = [each for customer in person["customers"] for each in customer["contracts"]]
    other = next((each for each in held if each["contract_id"] == subject.of), None)
    if other is None:
        raise Gone
    return Form(
        page.tr("Another person"),
        page.tr("They are two people"),
        subject.path,
        [text("reason", page.tr("How you know it"), longest=500)],
        [
            *about(page, subject.contract),
            (page.tr("The other contract"), f"{other['contract_number']} · {other['debtor_name']}"),
        ],
        page.tr("What was said of this customer holds no longer for the other one. No later file joins them again."),
    )


async def _part(page: Page, subject: Subject, values: Values) -> Response:
    body = {"contract_id": subject.of} | given(values, "reason")
    await page.services.post("portfolio", f"/v1/people/{_person_of(subject)}/unlinks", body, key=values.get(KEY))
    return page.done(subject.path, "The customers are two people from now on.")


async def _erasure(page: Page, subject: Subject) -> Form:
    person_id = _person_of(subject)
    state, person = await asyncio.gather(
        page.services.get("portfolio", f"/v1/people/{person_id}/erasure"),
        page.services.get("portfolio", f"/v1/people/{person_id}"),
    )
    held = ", ".join(each["contract_number"] for customer in person["customers"] for each in customer["contracts"])
    facts = [(page.tr("Contracts of the person"), held)]
    if state["open_contracts"]:
        facts.append((page.tr("Not possible"), page.tr("A contract of the person is open.")))
    if state["kept_until"]:
        facts.append((page.tr("The law asks for the records until"), page.reader.day(state["kept_until"])))
    return Form(
        page.tr("Erase this person?"),
        page.tr("Erase for good"),
        subject.path,
        [text("reason", page.tr("Reason"), hint=page.tr("It stands in the history: name nobody."))],
        [*about(page, subject.contract), *facts],
        page.tr("Name, tax id, phones, e-mails, addresses, photos and notes go everywhere. This cannot be undone."),
        is_danger=True,
    )


async def _erase(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/people/{_person_of(subject)}/erasure"
    await page.services.post("portfolio", path, given(values, "reason"), key=values.get(KEY))
    return page.done(subject.path, "The personal data are erased.")


ACTS: Mapping[str, Act] = {
    "erasure": Act("portfolio", _erasure, _erase),
    "join": Act("portfolio", _joining, _join, lambda _, __: {"/contract_id": "number"}),
    "part": Act("portfolio", _parting, _part),
}
