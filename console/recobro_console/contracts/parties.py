"""The people besides the debtor: added, corrected and removed by short forms."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, given, text, words
from recobro_console.forms import KEY, Field, Form, Values
from recobro_console.pages import Page

ROLES = ("joint_obligor", "guarantor", "executor", "attorney", "payer", "reference", "employer")
LANGUAGES = ("es", "pt", "en")
_CONTACTS = (("phone", "phone"), ("phone_2", "phone"), ("email", "email"))
"""The fields of phones and e-mails, and what each holds."""


def _fields(page: Page, party: Mapping[str, Any] | None = None) -> list[Field]:
    known = party or {}
    languages = [("", page.tr("not known")), *words(page, LANGUAGES, "language ")]
    fields = [
        Field("role", page.tr("Role"), value=known.get("role", ""), options=words(page, ROLES)),
        _typed("name", page.tr("Name"), known, required=True),
        _typed("tax_id", page.tr("Tax id"), known),
        Field("language", page.tr("Language"), value=known.get("language") or "", options=languages),
    ]
    values = _contacts_of(known)
    labels = (page.tr("Phone"), page.tr("Second phone"), page.tr("E-mail"))
    for (name, _), label in zip(_CONTACTS, labels, strict=True):
        fields.append(_typed(name, label, values))
    return fields


def _typed(name: str, label: str, known: Mapping[str, Any], *, required: bool = False) -> Field:
    return Field(name, label, value=known.get(name) or "", required=required, attributes={"maxlength": "100"})


def _contacts_of(party: Mapping[str, Any]) -> dict[str, str]:
    """The party's phones and e-mails by the fields that hold them."""
    values: dict[str, str] = {}
    for point in party.get("contact_points", ()):
        free = (name for name, kind in _CONTACTS if kind == point["kind"] and name not in values)
        if name := next(free, None):
            values[name] = point["value"]
    return values


def _body(values: Values, party: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The request's body. Of a known party, what has no field stays, and who gave each number."""
    known = {point["value"]: point for point in (party or {}).get("contact_points", ())}
    shown = set(_contacts_of(party or {}).values())
    points = [
        {"kind": kind, "value": values[name]} | _giver(known.get(values[name]))
        for name, kind in _CONTACTS
        if values.get(name)
    ]
    points += [
        {name: point[name] for name in ("kind", "value", "provenance")}
        for value, point in known.items()
        if value not in shown
    ]
    optional = {name: values.get(name) or None for name in ("tax_id", "language")}
    return {**given(values, "role", "name"), **optional, "contact_points": points}


def _giver(point: Mapping[str, Any] | None) -> dict[str, str]:
    return {} if point is None else {"provenance": point["provenance"]}


def _places(_: Subject, values: Values) -> Mapping[str, str]:
    typed = [name for name, _ in _CONTACTS if values.get(name)]
    return {f"/contact_points/{place}/value": name for place, name in enumerate(typed)}


async def _new(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Add a person besides the debtor"),
        page.tr("Add"),
        subject.path,
        _fields(page),
        about(page, subject.contract),
        page.tr("References and employers are kept, but nobody contacts them. Nobody of these people learns the debt."),
    )


async def _add(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/parties"
    added = await page.services.post("portfolio", path, _body(values), key=values.get(KEY))
    if added["contactable"]:
        return page.done(subject.path, "{name} is added and may be contacted.", name=added["name"])
    return page.done(subject.path, "{name} is added. Nobody contacts this person.", name=added["name"])


async def _known(page: Page, subject: Subject) -> Form:
    party = subject.part("parties", "party_id")
    return Form(
        page.tr("Correct a person besides the debtor"),
        page.tr("Correct"),
        subject.path,
        _fields(page, party),
        about(page, subject.contract),
    )


async def _correct(page: Page, subject: Subject, values: Values) -> Response:
    body = _body(values, subject.part("parties", "party_id"))
    corrected = await page.services.patch("portfolio", f"/v1/parties/{subject.of}", body)
    return page.done(subject.path, "The data of {name} are corrected.", name=corrected["name"])


async def _removal(page: Page, subject: Subject) -> Form:
    party = subject.part("parties", "party_id")
    facts = [(page.tr("Name"), party["name"] or "–"), (page.tr("Role"), page.reader.word(party["role"]))]
    return Form(
        page.tr("Remove this person?"),
        page.tr("Remove"),
        subject.path,
        [text("reason", page.tr("Reason"), hint=page.tr("It stands in the history: name nobody."))],
        [*about(page, subject.contract), *facts],
        page.tr("Name, tax id, phones and e-mails are erased everywhere. This cannot be undone."),
        is_danger=True,
    )


async def _remove(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/parties/{subject.of}/removal"
    await page.services.post("portfolio", path, given(values, "reason"), key=values.get(KEY))
    return page.done(subject.path, "The person is removed.")


ACTS: Mapping[str, Act] = {
    "party": Act("portfolio", _new, _add, _places),
    "party-correction": Act("portfolio", _known, _correct, _places),
    "party-removal": Act("portfolio", _removal, _remove),
}
