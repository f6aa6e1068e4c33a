"""Agreements of one contract in which the creditor gives something up: proposing and accepting them.

A second person decides on the agreement's own page (``promises.deciding``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, day, given, text, words
from recobro_console.contracts.promising import made_in, maker
from recobro_console.forms import KEY, Field, Form, Values, amount_of
from recobro_console.pages import Page

KINDS = ("settlement", "restructure", "forgiveness")
FREQUENCIES = ("monthly", "fortnightly", "weekly")
ACCEPTED_BY = ("recording", "code", "signature")
_AMOUNT = {"inputmode": "decimal", "maxlength": "20", "autocomplete": "off"}


async def _propose(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Propose an agreement"),
        page.tr("Propose it"),
        subject.path,
        [
            Field("kind", page.tr("Kind"), options=words(page, KINDS, "agreement ")),
            Field("discount", page.tr("Discount"), attributes=_AMOUNT, hint=page.tr("what the creditor gives up")),
            Field(
                "instalment_count",
                page.tr("Number of payments"),
                "number",
                "1",
                hint=page.tr("0 for forgiveness without a payment"),
                attributes={"min": "0", "max": "60"},
            ),
            day("first_due_on", page.tr("First payment by"), required=False),
            Field("frequency", page.tr("One payment each"), options=words(page, FREQUENCIES, "every ")),
            Field("first_payment", page.tr("First payment"), attributes=_AMOUNT, hint=page.tr("empty: equal payments")),
            *made_in(page),
        ],
        about(page, subject.contract),
        page.tr("The total less the discount is divided equally; the last payment takes the cents that are left."),
    )


async def _send(page: Page, subject: Subject, values: Values) -> Response:
    count = values.get("instalment_count", "")
    body = given(values, "kind") | {"contract_id": subject.contract["contract_id"], **maker(page, values)}
    for name in ("discount", "first_payment"):
        if values.get(name):
            body[name] = amount_of(page.reader, values[name])
    if count.strip("0"):
        body |= {"instalments": int(count) if count.isdecimal() and len(count) < 4 else count}
        body |= given(values, "first_due_on", "frequency")
    return await _made(page, subject, body, values)


async def _made(page: Page, subject: Subject, body: Mapping[str, Any], values: Values) -> Response:
    made = await page.services.post("promises", "/v1/agreements", body, key=values.get(KEY))
    return page.done(
        subject.path,
        "Proposed: {total} to pay, discount {discount}. It is now: {state}.",
        total=page.reader.money(made["total"], made["currency"]),
        discount=page.reader.money(made["discount"], made["currency"]),
        state=page.reader.word(f"plan {made['state']}"),
    )


async def _offers(page: Page, subject: Subject) -> Sequence[Mapping[str, Any]]:
    found = await page.services.get("promises", "/v1/offers", contract_id=subject.contract["contract_id"])
    return found["items"]  # type: ignore[no-any-return]


async def _offer(page: Page, subject: Subject) -> Form:
    def said(offer: Mapping[str, Any]) -> str:
        first = offer["schedule"][0]["due_on"]
        return page.tr(
            "{code}: {total} in {number} payments from {day} on, discount {discount}",
            code=offer["code"],
            total=page.reader.money(offer["total"]),
            number=len(offer["schedule"]),
            day=page.reader.day(first),
            discount=page.reader.money(offer["discount"]),
        )

    options = [(f"{each['kind']} {each['offer_id']}", said(each)) for each in await _offers(page, subject)]
    return Form(
        page.tr("Propose an offer"),
        page.tr("Propose it"),
        subject.path,
        [Field("offer_id", page.tr("Offer"), options=options, required=True), *made_in(page)],
        about(page, subject.contract),
    )


async def _take_offer(page: Page, subject: Subject, values: Values) -> Response:
    kind, _, offer_id = values.get("offer_id", "").partition(" ")
    body = {"contract_id": subject.contract["contract_id"], "kind": kind, "offer_id": offer_id, **maker(page, values)}
    return await _made(page, subject, body, values)


async def _terms(page: Page, subject: Subject) -> list[tuple[str, str]]:
    """What a form says of the agreement that ``of`` names."""
    found = await page.services.get("promises", f"/v1/agreements/{subject.of}")
    currency = found["currency"]
    facts = [
        (page.tr("Agreement"), page.reader.word(f"agreement {found['kind']}")),
        (page.tr("To pay"), page.reader.money(found["total"], currency)),
        (page.tr("Discount"), page.reader.money(found["discount"], currency)),
        (page.tr("Payments"), ", ".join(page.reader.day(each["due_on"]) for each in found["instalments"]) or "–"),
    ]
    if found["proposed_by"]:
        facts.append((page.tr("Proposed by"), found["proposed_by"]))
    return [*about(page, subject.contract), *facts]


async def _acceptance(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("The debtor accepts"),
        page.tr("Record it"),
        subject.path,
        [
            Field("by", page.tr("Accepted by"), options=words(page, ACCEPTED_BY, "accepted ")),
            text("proof", page.tr("Code, recording or document"), longest=1000),
            text("sha256", "SHA-256", required=False, hint=page.tr("of the recording or the scan"), longest=64),
            text(
                "terms_sha256",
                page.tr("Hash of the terms"),
                required=False,
                hint=page.tr("as the signed proposal states it"),
                longest=64,
            ),
        ],
        await _terms(page, subject),
        page.tr("Its payments become promises, and nobody contacts the debtor while they are open."),
    )


async def _accept(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/agreements/{subject.of}/acceptance"
    now = await page.services.post(
        "promises", path, given(values, "by", "proof", "sha256", "terms_sha256"), key=values.get(KEY)
    )
    return page.done(subject.path, "It is accepted, and now: {state}.", state=page.reader.word(f"plan {now['state']}"))


def _places(_: Subject, __: Values) -> Mapping[str, str]:
    return {"/instalments": "instalment_count", "/schedule": "instalment_count"}


ACTS: Mapping[str, Act] = {
    "agreement": Act("promises", _propose, _send, _places),
    "offer": Act("promises", _offer, _take_offer),
    "acceptance": Act("promises", _acceptance, _accept),
}
