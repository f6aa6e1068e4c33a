"""Notices: one that was sent to the debtor is recorded, with its proof."""

from collections.abc import Mapping

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, given, text, words
from recobro_console.forms import KEY, Field, Form, Values, today_in
from recobro_console.pages import Page

KINDS = ("reminder", "extrajudicial", "judicial", "bureau")


async def _notice(page: Page, subject: Subject) -> Form:
    portfolio = await page.services.get("portfolio", f"/v1/portfolios/{subject.contract['portfolio_id']}")
    today = str(today_in(page.reader, portfolio["timezone"]))
    return Form(
        page.tr("Record a notice"),
        page.tr("Record a notice"),
        subject.path,
        [
            Field("kind", page.tr("Kind"), options=words(page, KINDS, "notice ")),
            text("channel", page.tr("Channel"), longest=200),
            Field("sent_on", page.tr("Sent on"), "date", today, required=True),
            text("registered_number", page.tr("Number of the registered letter"), required=False),
            text("receipt_sha256", page.tr("SHA-256 of the receipt's file"), required=False, longest=64),
            text("document", page.tr("Where the notice is kept"), required=False, longest=1000),
        ],
        about(page, subject.contract),
    )


async def _record(page: Page, subject: Subject, values: Values) -> Response:
    body = given(values, "kind", "channel", "sent_on", "document")
    body["proof"] = given(values, "registered_number", "receipt_sha256")
    path = f"/v1/contracts/{subject.contract['contract_id']}/notices"
    await page.services.post("portfolio", path, body, key=values.get(KEY))
    return page.done(subject.path, "The notice is recorded.")


def _places(_: Subject, __: Values) -> Mapping[str, str]:
    proof = {f"/proof/{name}": name for name in ("registered_number", "receipt_sha256")}
    return {"/proof": "registered_number", **proof}


ACTS: Mapping[str, Act] = {"notice": Act("portfolio", _notice, _record, _places)}
