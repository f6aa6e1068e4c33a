"""Promises and plans of one contract: taking and cancelling them."""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, amount, cancellation, day, words
from recobro_console.forms import KEY, Field, Form, Values, amount_of
from recobro_console.pages import Page

MADE_IN = ("call", "visit", "portal")
STEPS = ("month", "fortnight", "week")
_DAYS = {"week": 7, "fortnight": 14}
_CENT = Decimal("0.01")
FEWEST_PARTS, MOST_PARTS = 2, 60
"""The least and the most payments of a plan."""


def made_in(page: Page) -> list[Field]:
    """The field that says in which contact something was agreed."""
    # What an agency takes was taken by the agency; only others say where.
    if page.session.agency_id:
        return []
    return [Field("made_in", page.tr("Made in"), options=words(page, MADE_IN))]


def maker(page: Page, values: Values) -> dict[str, Any]:
    """What a request says of that contact."""
    return {"made_in": "agency" if page.session.agency_id else values.get("made_in", "call")}


async def _promise(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Take a promise"),
        page.tr("Take the promise"),
        subject.path,
        [
            amount(page, value=subject.contract["overdue_balance"] or ""),
            day("due_on", page.tr("To be paid by")),
            *made_in(page),
        ],
        about(page, subject.contract),
        page.tr("Nobody contacts the debtor until two days after that day."),
    )


async def _take(page: Page, subject: Subject, values: Values) -> Response:
    body = {
        "contract_id": subject.contract["contract_id"],
        "amount": amount_of(page.reader, values.get("amount", "")),
        "due_on": values.get("due_on", ""),
        **maker(page, values),
    }
    made = await page.services.post("promises", "/v1/promises", body, key=values.get(KEY))
    return page.done(
        subject.path,
        "{amount} is promised for {day}. Nobody contacts the debtor until {until}.",
        amount=page.reader.money(made["amount"], made["currency"]),
        day=page.reader.day(made["due_on"]),
        until=page.reader.day(made["silent_until"]),
    )


async def _plan(page: Page, subject: Subject) -> Form:
    return Form(
        page.tr("Agree on a plan"),
        page.tr("Agree on the plan"),
        subject.path,
        [
            amount(page, "total", subject.contract["total_balance"] or ""),
            Field(
                "parts",
                page.tr("Number of payments"),
                "number",
                "3",
                required=True,
                attributes={"min": "2", "max": "60"},
            ),
            day("first_due_on", page.tr("First payment by")),
            Field("every", page.tr("One payment each"), options=words(page, STEPS)),
            *made_in(page),
        ],
        about(page, subject.contract),
        page.tr("The payments are equal; the last one takes the cents that are left. A missed one breaks the plan."),
    )


def schedule(total: str, parts: int, first: date, every: str) -> Iterator[dict[str, str]]:
    """Cut a total into equal payments, each a step after the one before. The last one takes the cents that are left.

    A month's step keeps the day of the first payment, or the month's last day where it is shorter. Raises
    ``ValueError`` for a total that is no amount.
    """
    try:
        whole = Decimal(total)
    except InvalidOperation:
        raise ValueError(total) from None
    part = (whole / parts).quantize(_CENT, ROUND_DOWN)
    for n in range(parts):
        due_on = _month_after(first, n) if every == "month" else first + timedelta(days=_DAYS.get(every, 14) * n)
        yield {"due_on": str(due_on), "amount": str(part if n < parts - 1 else whole - part * (parts - 1))}


def _month_after(first: date, months: int) -> date:
    year, month = divmod(first.month - 1 + months, 12)
    year += first.year
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


async def _agree(page: Page, subject: Subject, values: Values) -> Response:
    total = amount_of(page.reader, values.get("total", ""))
    try:
        parts = min(max(int(values.get("parts", "0")), 1), MOST_PARTS + 1)
        first = date.fromisoformat(values.get("first_due_on", ""))
        instalments = list(schedule(total, parts, first, values.get("every", "")))
    except (ValueError, OverflowError):
        # The service says which of them is wrong, in the words of all other forms.
        instalments = [{"due_on": values.get("first_due_on", ""), "amount": total}] * 2
    body = {"contract_id": subject.contract["contract_id"], "kind": "plan", "instalments": instalments}
    made = await page.services.post("promises", "/v1/agreements", body | maker(page, values), key=values.get(KEY))
    return page.done(
        subject.path,
        "The plan is agreed: {number} payments, the last on {day}.",
        number=len(made["instalments"]),
        day=page.reader.day(made["instalments"][-1]["due_on"]),
    )


def _plan_places(_: Subject, values: Values) -> Mapping[str, str]:
    days = {f"/instalments/{n}/due_on": "first_due_on" for n in range(MOST_PARTS + 1)}
    amounts = {f"/instalments/{n}/amount": "total" for n in range(MOST_PARTS + 1)}
    number = values.get("parts", "")
    has_number = number.isdecimal() and FEWEST_PARTS <= int(number) <= MOST_PARTS
    return days | amounts | {"/instalments": "total" if has_number else "parts"}


ACTS: Mapping[str, Act] = {
    "promise": Act("promises", _promise, _take),
    "plan": Act("promises", _plan, _agree, _plan_places),
    "promise-cancellation": cancellation(
        "promises",
        "/v1/promises",
        lambda page: page.tr("Cancel the promise"),
        "The promise is cancelled.",
        lambda page: page.tr("This is final. The debtor may be contacted again."),
    ),
    "plan-cancellation": cancellation(
        "promises",
        "/v1/agreements",
        lambda page: page.tr("Cancel the agreement"),
        "The agreement is cancelled.",
        lambda page: page.tr("This is final. The debtor may be contacted again."),
    ),
}
