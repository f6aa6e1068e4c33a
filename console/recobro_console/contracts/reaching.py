"""The debtor's status, phones and e-mails: what is known of them, and what the debtor does not want."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, given, text, words
from recobro_console.forms import KEY, Field, Form, Values
from recobro_console.pages import Page

STATUSES = ("active", "deceased", "represented", "unlocatable", "insolvent")
MEDIA = ("call", "sms", "whatsapp", "email")
PROVENANCES = ("debtor", "creditor", "joint_obligor", "guarantor", "reference", "other")


async def _status(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Change the debtor's status"),
        page.tr("Change the status"),
        subject.path,
        [
            Field(
                "status",
                page.tr("Status"),
                value=subject.contract["debtor"]["status"],
                options=words(page, STATUSES, "status "),
            ),
            text("reported_by", page.tr("Stated by"), hint=page.tr("such as: daughter, on the phone")),
            Field("detail", page.tr("Detail"), "textarea"),
        ],
        about(page, subject.contract),
        page.tr("It holds for every contract of the person. Nobody contacts a deceased or represented debtor."),
        is_danger=True,
    )


async def _set_status(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/debtor-status"
    now = await page.services.post(
        "portfolio", path, given(values, "status", "reported_by", "detail"), key=values.get(KEY)
    )
    return page.done(
        subject.path,
        "The status is “{status}”, for {contracts} contracts of the person.",
        status=page.reader.word(f"status {now['status']}"),
        contracts=now["contracts"],
    )


async def _contact(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Add a phone or an e-mail"),
        page.tr("Add"),
        subject.path,
        [
            Field("kind", page.tr("Kind"), options=words(page, ("phone", "email"))),
            text("value", page.tr("Number or address")),
            Field("provenance", page.tr("Given by"), options=words(page, PROVENANCES)),
        ],
        about(page, subject.contract),
    )


async def _add(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/contact-points"
    added = await page.services.post(
        "portfolio", path, given(values, "kind", "value", "provenance"), key=values.get(KEY)
    )
    if not added["usable"]:
        return page.done(subject.path, "{value} is kept, but may not be used.", value=added["value"])
    return page.done(subject.path, "{value} may be used from now on.", value=added["value"])


def _point(subject: Subject) -> Mapping[str, Any]:
    """The phone or e-mail that the form is about, the debtor's or a party's."""
    for party in subject.contract["parties"]:
        for point in party["contact_points"]:
            if point["contact_id"] == subject.of:
                return point  # type: ignore[no-any-return]
    return subject.part("contact_points", "contact_id")


Texts = Callable[[Page], tuple[str, str]]


def _change(change: str, texts: Texts, done: str, *, has_medium: bool = False, has_reason: bool = False) -> Act:
    async def reads(page: Page, subject: Subject) -> Form:
        point = _point(subject)
        title, effect = texts(page)
        fields = []
        if has_medium:
            options = [("", page.tr("every medium")), *words(page, MEDIA)]
            fields.append(Field("medium", page.tr("Medium"), options=options))
        if has_reason:
            fields.append(text("reason", page.tr("Reason")))
        facts = [*about(page, subject.contract), (page.tr("Number or address"), point["value"])]
        return Form(title, title, subject.path, fields, facts, effect, is_danger=change in ("opted_out", "invalid"))

    async def does(page: Page, subject: Subject, values: Values) -> Response:
        body = {"change": change} | given(values, "medium", "reason")
        await page.services.patch("portfolio", f"/v1/contact-points/{subject.of}", body)
        return page.done(subject.path, done)

    return Act("portfolio", reads, does)


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLACES = ("personal", "fiscal", "commercial", "legal", "other")


async def _inconvenient(page: Page, subject: Subject) -> Form:
    def chosen(name: str, label: str, codes: Sequence[str], prefix: str = "") -> Field:
        return Field(name, label, options=[("", "–"), *words(page, codes, prefix)])

    return Form(
        page.tr("Enter what is inconvenient"),
        page.tr("Enter"),
        subject.path,
        [
            Field("from", page.tr("Not from"), "time", hint=page.tr("by the debtor's clock")),
            Field("until", page.tr("Not until"), "time"),
            chosen("day", page.tr("Not on this day"), DAYS, "day "),
            chosen("medium", page.tr("Not by"), (*MEDIA, "visit")),
            chosen("place", page.tr("Not at"), PLACES),
            text("reason", page.tr("Reason"), hint=page.tr("who said it, and why")),
        ],
        about(page, subject.contract),
        page.tr("Each of them binds by itself, for every contract of the person, and for agencies and visitors too."),
    )


async def _enter_inconvenient(page: Page, subject: Subject, values: Values) -> Response:
    body: dict[str, Any] = given(values, "reason")
    if values.get("from") or values.get("until"):
        body["not_hours"] = [f"{values.get('from', '')}-{values.get('until', '')}"]
    for name, part in (("day", "not_days"), ("medium", "not_media"), ("place", "not_places")):
        if values.get(name):
            body[part] = [values[name]]
    path = f"/v1/people/{subject.contract['debtor']['person_id']}/convenience"
    await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(subject.path, "It binds from now on, for every contract of the person.")


def _places_of_inconvenient(_: Subject, __: Values) -> Mapping[str, str]:
    return {"/not_hours/0": "from", "/not_days/0": "day", "/not_media/0": "medium", "/not_places/0": "place"}


async def _convenient(page: Page, subject: Subject) -> Form:
    subject.part("conveniences", "convenience_id")
    return Form(
        page.tr("Not inconvenient any more"),
        page.tr("Not inconvenient any more"),
        subject.path,
        [text("reason", page.tr("Reason"))],
        about(page, subject.contract),
        page.tr("Only where the person has said so, or where it was entered by mistake."),
        is_danger=True,
    )


async def _remove_inconvenient(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/people/{subject.contract['debtor']['person_id']}/convenience/{subject.of}/removal"
    await page.services.post("portfolio", path, given(values, "reason"), key=values.get(KEY))
    return page.done(subject.path, "It does not bind any more.")


ACTS: Mapping[str, Act] = {
    "inconvenient": Act("portfolio", _inconvenient, _enter_inconvenient, _places_of_inconvenient),
    "convenient": Act("portfolio", _convenient, _remove_inconvenient),
    "debtor-status": Act("portfolio", _status, _set_status),
    "contact": Act("portfolio", _contact, _add),
    "opt-out": _change(
        "opted_out",
        lambda page: (
            page.tr("Enter the opt-out"),
            page.tr(
                "This person does not want to be contacted there. It holds for every contract that has the number."
            ),
        ),
        "The opt-out is entered.",
        has_medium=True,
    ),
    "opt-in": _change(
        "opt_out_withdrawn",
        lambda page: (
            page.tr("Take back the opt-out"),
            page.tr("Only for an opt-out that was entered by mistake, or that this person has taken back."),
        ),
        "The opt-out is taken back.",
        has_medium=True,
        has_reason=True,
    ),
    "wrong": _change(
        "invalid",
        lambda page: (
            page.tr("Mark as wrong"),
            page.tr("It is not this person's. Nobody uses it on any contract that has it any more."),
        ),
        "It is marked as wrong.",
    ),
    "verified": _change(
        "verified",
        lambda page: (page.tr("Mark as right"), page.tr("It is this person's. A mark as wrong is taken back.")),
        "It is marked as right.",
    ),
}
