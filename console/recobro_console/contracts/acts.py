"""What a person does to one contract in portfolio and field-visits: each act with its form.

An act ``reads`` makes the form from the contract and from the thing that ``of`` names, and ``does`` sends it. The acts
of promises and plans stand in ``promising``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from recobro_console.forms import AGAIN, KEY, Field, Form, Values, amount_of, today_in
from recobro_console.pages import Page

Contract = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """What an act is about: the contract, and in ``of`` the id of its payment, dispute, pause or other part."""

    contract: Contract
    of: str

    @property
    def path(self) -> str:
        """The page of the contract."""
        return f"/contracts/{self.contract['contract_id']}"

    def part(self, name: str, key: str) -> Mapping[str, Any]:
        """The part that ``of`` names. Raises ``Gone`` if the contract does not show it."""
        found = next((each for each in self.contract[name] if each[key] == self.of), None)
        if found is None:
            raise Gone
        return found  # type: ignore[no-any-return]


class Gone(Exception):
    """The part of the contract that an act is about is not there."""


@dataclass(frozen=True)
class Act:
    """``service`` does it. ``places`` names the fields that the parts of a request's body came from."""

    service: str
    reads: Callable[[Page, Subject], Awaitable[Form]]
    does: Callable[[Page, Subject, Values], Awaitable[Response]]
    places: Callable[[Subject, Values], Mapping[str, str]] = lambda _, __: {}


def about(page: Page, contract: Contract) -> list[tuple[str, str]]:
    """What every form says of its contract."""
    said = [
        (page.tr("Contract"), contract["contract_number"]),
        (page.tr("Debtor"), contract["debtor"]["name"]),
    ]
    if contract["total_balance"] is not None:
        currency = contract["currency"]
        said.append((page.tr("Overdue"), page.reader.money(contract["overdue_balance"], currency)))
        said.append((page.tr("Total"), page.reader.money(contract["total_balance"], currency)))
    return said


def words(page: Page, codes: Sequence[str], prefix: str = "") -> list[tuple[str, str]]:
    """The codes with their words, to choose from. ``prefix``: what they are codes of, where a word depends on it."""
    return [(code, page.reader.word(prefix + code)) for code in codes]


def text(name: str, label: str, *, required: bool = True, hint: str | None = None, longest: int = 200) -> Field:
    return Field(name, label, required=required, hint=hint, attributes={"maxlength": str(longest)})


def amount(page: Page, name: str = "amount", value: str = "") -> Field:
    typed = {"inputmode": "decimal", "maxlength": "20", "autocomplete": "off"}
    return Field(name, page.tr("Amount"), value=value, required=True, attributes=typed)


def day(name: str, label: str, value: str = "", *, required: bool = True, hint: str | None = None) -> Field:
    return Field(name, label, "date", value, required, hint)


def given(values: Values, *names: str) -> dict[str, Any]:
    """These fields, without the empty ones."""
    return {name: values[name] for name in names if values.get(name)}


async def _portfolio(page: Page, contract: Contract) -> Mapping[str, Any]:
    return await page.services.get("portfolio", f"/v1/portfolios/{contract['portfolio_id']}")  # type: ignore[no-any-return]


async def _payment(page: Page, subject: Subject) -> Form:
    portfolio = await _portfolio(page, subject.contract)
    again = page.tr("It is another payment: enter it all the same")
    return Form(
        page.tr("Take a payment"),
        page.tr("Take the payment"),
        subject.path,
        [
            amount(page),
            day("paid_on", page.tr("Paid on"), str(today_in(page.reader, portfolio["timezone"]))),
            Field("channel", page.tr("Channel"), options=words(page, portfolio["payment_channels"]), required=True),
            text(
                "reference",
                page.tr("Reference"),
                required=False,
                hint=page.tr("as the bank or the shop prints it; it keeps a payment from being entered twice"),
            ),
        ],
        about(page, subject.contract),
        again={"payment-doubtful": again, "reference-reversed": again},
    )


async def _take_payment(page: Page, subject: Subject, values: Values) -> Response:
    body = given(values, "paid_on", "channel", "reference")
    body |= {"amount": amount_of(page.reader, values.get("amount", "")), "again": AGAIN in values}
    path = f"/v1/contracts/{subject.contract['contract_id']}/payments"
    paid = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(
        subject.path,
        "The payment of {amount} is entered. {overdue} is overdue now.",
        amount=page.reader.money(paid["amount"], subject.contract["currency"]),
        overdue=page.reader.money(paid["overdue_balance"], subject.contract["currency"]),
    )


async def _reversal(page: Page, subject: Subject) -> Form:
    payment = await page.services.get("portfolio", f"/v1/payments/{subject.of}")
    facts = [
        (page.tr("Contract"), subject.contract["contract_number"]),
        (page.tr("Amount"), page.reader.money(payment["amount"], payment["currency"])),
        (page.tr("Paid on"), page.reader.day(payment["paid_on"])),
        (page.tr("Channel"), page.reader.word(payment["channel"])),
        (page.tr("Reference"), payment["reference"] or "–"),
    ]
    return Form(
        page.tr("Reverse the payment?"),
        page.tr("Reverse the payment"),
        subject.path,
        [
            text("reason", page.tr("Reason"), longest=2000),
            day("reversed_on", page.tr("Day on which the money went back"), required=False, hint=page.tr("else today")),
        ],
        facts,
        page.tr("The contract is then as if the payment had never been made. This cannot be undone."),
        is_danger=True,
    )


async def _reverse(page: Page, subject: Subject, values: Values) -> Response:
    path, body = f"/v1/payments/{subject.of}/reversal", given(values, "reason", "reversed_on")
    now = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(
        subject.path,
        "The payment is reversed. {overdue} is overdue now.",
        overdue=page.reader.money(now["overdue_balance"], subject.contract["currency"]),
    )


_CHARGES = ("default_interest", "fee", "chargeback", "compensation", "waiver")


async def _charge(page: Page, subject: Subject) -> Form:
    portfolio = await _portfolio(page, subject.contract)
    return Form(
        page.tr("Enter a charge or a waiver"),
        page.tr("Enter the charge"),
        subject.path,
        [
            Field("kind", page.tr("Kind"), options=words(page, _CHARGES, "charge "), required=True),
            amount(page),
            day("charged_on", page.tr("Holds from"), str(today_in(page.reader, portfolio["timezone"]))),
            text("reason", page.tr("Reason"), longest=2000),
            text("reference", page.tr("Reference"), required=False, hint=page.tr("the creditor's own number of it")),
        ],
        about(page, subject.contract),
        page.tr("A compensation and a waiver lower the debt, from the oldest instalment on. The others raise it."),
    )


async def _take_charge(page: Page, subject: Subject, values: Values) -> Response:
    body = given(values, "kind", "charged_on", "reason", "reference")
    body["amount"] = amount_of(page.reader, values.get("amount", ""))
    path = f"/v1/contracts/{subject.contract['contract_id']}/charges"
    now = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(
        subject.path,
        "The charge is entered. {total} is owed in all now.",
        total=page.reader.money(now["total_balance"], subject.contract["currency"]),
    )


async def _charge_reversal(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Reverse the charge?"),
        page.tr("Reverse the charge"),
        subject.path,
        [text("reason", page.tr("Reason"), longest=2000)],
        about(page, subject.contract),
        page.tr("The contract is then as if the charge had never been taken. This cannot be undone."),
        is_danger=True,
    )


async def _reverse_charge(page: Page, subject: Subject, values: Values) -> Response:
    path, body = f"/v1/charges/{subject.of}/reversal", given(values, "reason")
    now = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(
        subject.path,
        "The charge is reversed. {total} is owed in all now.",
        total=page.reader.money(now["total_balance"], subject.contract["currency"]),
    )


async def _pause(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Pause the contract"),
        page.tr("Pause now"),
        subject.path,
        [
            text("reason", page.tr("Reason"), longest=2000),
            day("starts_on", page.tr("First day"), subject.contract["business_date"]),
            day("ends_on", page.tr("Last day"), required=False, hint=page.tr("empty: until somebody ends it")),
        ],
        about(page, subject.contract),
        page.tr("Nobody contacts the debtor on these days, and they do not count as past due."),
    )


async def _start_pause(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/pauses"
    body = given(values, "reason", "starts_on", "ends_on")
    await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(subject.path, "The contract is paused.")


async def _resumption(page: Page, subject: Subject) -> Form:
    pause = subject.part("pauses", "pause_id")
    return Form(
        page.tr("End the pause"),
        page.tr("End the pause"),
        subject.path,
        [day("ends_on", page.tr("Last paused day"), required=False, hint=page.tr("else the business date"))],
        [*about(page, subject.contract), (page.tr("Reason"), pause["reason"])],
    )


async def _resume(page: Page, subject: Subject, values: Values) -> Response:
    path, body = f"/v1/pauses/{subject.of}/end", given(values, "ends_on")
    ended = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(subject.path, "The last paused day is {day}.", day=page.reader.day(ended["ends_on"]))


async def _attempt(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Enter a call or a message of ours"),
        page.tr("Enter the attempt"),
        subject.path,
        [
            Field("outcome", page.tr("How it ended"), options=words(page, _OUTCOMES, "attempt "), required=True),
            text("note", page.tr("Note for colleagues"), required=False, longest=2000),
        ],
        about(page, subject.contract),
        page.tr("A call counts for the caps of contact. Enter a promise, a dispute or a wrong number on the contract."),
    )


async def _enter_attempt(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/attempts"
    body = given(values, "outcome", "note")
    body["channel"] = "message" if values.get("outcome") in _OUTCOMES_OF_MESSAGES else "call"
    made = await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(subject.path, "The attempt counts on {day}.", day=page.reader.day(made["business_date"]))


async def _visit(page: Page, subject: Subject) -> Form:
    addresses = [
        (each["address_id"], ", ".join(filter(None, (each["street"], each["exterior"], each["city"]))) or each["kind"])
        for each in subject.contract["addresses"]
    ]
    fields = [
        text("visitor", page.tr("Visitor")),
        day("visit_on", page.tr("Day"), subject.contract["business_date"]),
        Field("address_id", page.tr("Address"), options=[("", page.tr("the first that may be visited")), *addresses]),
    ]
    if page.session.agency_id is None:
        hint = page.tr("only for an address that was not checked or was found wrong")
        fields.append(text("override", page.tr("Why all the same"), required=False, hint=hint, longest=2000))
    return Form(
        page.tr("Order a visit"), page.tr("Order the visit"), subject.path, fields, about(page, subject.contract)
    )


async def _order_visit(page: Page, subject: Subject, values: Values) -> Response:
    body = given(values, "visitor", "visit_on", "address_id")
    body["contract_id"] = subject.contract["contract_id"]
    if values.get("override"):
        body["override"] = {"reason": values["override"]}
    await page.services.post("field-visits", "/v1/visits", body, key=values.get(KEY))
    return page.done(
        subject.path,
        "{visitor} visits on {day}.",
        visitor=values.get("visitor", ""),
        day=page.reader.day(values["visit_on"]),
    )


def cancellation(
    service: str, path: str, title: Callable[[Page], str], done: str, effect: Callable[[Page], str] | None = None
) -> Act:
    """The act of cancelling the thing that ``of`` names, for a reason."""

    async def reads(page: Page, subject: Subject) -> Form:
        return Form(
            title(page),
            title(page),
            subject.path,
            [text("reason", page.tr("Reason"), longest=2000)],
            about(page, subject.contract),
            effect(page) if effect else None,
            is_danger=True,
        )

    async def does(page: Page, subject: Subject, values: Values) -> Response:
        body = given(values, "reason")
        await page.services.post(service, f"{path}/{subject.of}/cancellation", body, key=values.get(KEY))
        return page.done(subject.path, done)

    return Act(service, reads, does)


_OUTCOMES_OF_MESSAGES = ("sent", "answered")
_OUTCOMES = (
    *("no_answer", "right_party", "refused", "third_party", "wrong_number", "busy", "voicemail", "failed"),
    *_OUTCOMES_OF_MESSAGES,
)

ACTS: Mapping[str, Act] = {
    "attempt": Act("portfolio", _attempt, _enter_attempt),
    "payment": Act("portfolio", _payment, _take_payment),
    "reversal": Act("portfolio", _reversal, _reverse),
    "charge": Act("portfolio", _charge, _take_charge),
    "charge-reversal": Act("portfolio", _charge_reversal, _reverse_charge),
    "pause": Act("portfolio", _pause, _start_pause),
    "resumption": Act("portfolio", _resumption, _resume),
    "visit": Act("field-visits", _visit, _order_visit, lambda _, __: {"/override/reason": "override"}),
    "visit-cancellation": cancellation(
        "field-visits", "/v1/visits", lambda page: page.tr("Cancel the visit"), "The visit is cancelled."
    ),
}
