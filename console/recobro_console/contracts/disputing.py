"""Disputes: opening and resolving one, with the corrected amounts where the debtor was right."""

from collections.abc import Mapping

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, given, text, words
from recobro_console.forms import AGAIN, KEY, Field, Form, Values, amount_of
from recobro_console.pages import Page

OPENERS = ("debtor", "agent", "visitor", "creditor")
OUTCOMES = ("upheld", "partly_upheld", "rejected", "withdrawn", "verified")
MOST_CORRECTED = 60
_CORRECTED = "corrected-"


async def _dispute(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Open a dispute"),
        page.tr("Open the dispute"),
        subject.path,
        [
            text("reason", page.tr("Reason"), hint=page.tr("in few words, such as: already paid")),
            Field("detail", page.tr("What the debtor says"), "textarea"),
            Field("opened_by", page.tr("Stated by"), options=words(page, OPENERS)),
            text(
                "instalments",
                page.tr("Disputed instalments"),
                required=False,
                hint=page.tr("their numbers, with commas; empty: all"),
            ),
        ],
        about(page, subject.contract),
        page.tr("Nobody contacts the debtor about this contract until the dispute is resolved."),
        again={"clarification-exists": page.tr("It is another dispute: open it all the same")},
    )


def _numbers(values: Values) -> list[str]:
    return [number for number in values.get("instalments", "").replace(",", " ").split() if number]


async def _open(page: Page, subject: Subject, values: Values) -> Response:
    numbers = [int(number) if number.isdecimal() else number for number in _numbers(values)]
    body = given(values, "reason", "detail", "opened_by") | {"instalments": numbers, "again": AGAIN in values}
    path = f"/v1/contracts/{subject.contract['contract_id']}/clarifications"
    opened = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(
        subject.path,
        "The dispute is open. It is to be answered by {day}.",
        day=page.reader.day(opened["deadline_on"]),
    )


def _opening_places(_: Subject, values: Values) -> Mapping[str, str]:
    return {f"/instalments/{place}": "instalments" for place in range(len(_numbers(values)))}


async def _resolution(page: Page, subject: Subject) -> Form:
    dispute = subject.part("clarifications", "clarification_id")
    disputed = [
        each
        for each in subject.contract["instalments"]
        if not dispute["instalments"] or each["number"] in dispute["instalments"]
    ][:MOST_CORRECTED]
    # After a rejection that has not ended the silence, only the verification is left.
    outcomes = OUTCOMES if dispute["state"] == "open" else OUTCOMES[-1:]
    proof = page.tr("only for the outcome “verified”")
    fields = [
        Field("outcome", page.tr("Outcome"), options=words(page, outcomes, "outcome ")),
        Field("detail", page.tr("Answer to the debtor"), "textarea"),
        text("document", page.tr("Document that verifies the debt"), required=False, hint=proof),
        text("proof_of_sending", page.tr("Proof that it was sent"), required=False, hint=proof),
    ]
    if dispute["state"] == "open":
        fields += [
            Field(
                f"{_CORRECTED}{each['number']}",
                page.tr(
                    "Corrected amount of instalment {number}, due on {day}",
                    number=each["number"],
                    day=page.reader.day(each["due_on"]),
                ),
                hint=page.tr("now {amount}; empty: as it is", amount=page.reader.money(each["amount"])),
                attributes={"inputmode": "decimal", "maxlength": "20"},
            )
            for each in disputed
        ]
    facts = [*about(page, subject.contract), (page.tr("Dispute"), dispute["reason"])]
    facts.append((page.tr("To be answered by"), page.reader.day(dispute["deadline_on"])))
    return Form(
        page.tr("Resolve the dispute"),
        page.tr("Resolve"),
        subject.path,
        fields,
        facts,
        page.tr("“Upheld” and “partly upheld” need at least one corrected amount; no other outcome takes one."),
    )


def _corrected(values: Values) -> list[str]:
    return [name for name, value in values.items() if name.startswith(_CORRECTED) and value]


async def _resolve(page: Page, subject: Subject, values: Values) -> Response:
    body = given(values, "outcome", "detail", "document", "proof_of_sending")
    body["corrections"] = [
        {"instalment": int(name.removeprefix(_CORRECTED)), "amount": amount_of(page.reader, values[name])}
        for name in _corrected(values)
    ]
    path = f"/v1/clarifications/{subject.of}/resolution"
    now = await page.services.post("portfolio", path, body, key=values.get(KEY))
    if not now["contact_may_resume"]:
        return page.done(subject.path, "The dispute is resolved. Contact stays stopped until the debt is verified.")
    if now["still_open"]:
        return page.done(subject.path, "The dispute is resolved. Another one still stops contact.")
    return page.done(
        subject.path,
        "The dispute is resolved. {overdue} is overdue now.",
        overdue=page.reader.money(now["overdue_balance"], subject.contract["currency"]),
    )


def _correcting_places(_: Subject, values: Values) -> Mapping[str, str]:
    names = _corrected(values)
    return {f"/corrections/{n}/{part}": name for n, name in enumerate(names) for part in ("amount", "instalment")}


ACTS: Mapping[str, Act] = {
    "dispute": Act("portfolio", _dispute, _open, _opening_places),
    "resolution": Act("portfolio", _resolution, _resolve, _correcting_places),
}
