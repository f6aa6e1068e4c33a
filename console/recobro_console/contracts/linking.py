"""Links to the debtor's page: made, shown once, and ended. An agency makes none."""

from collections.abc import Mapping

from starlette.responses import Response

from recobro_console.contracts.acts import Act, Subject, about, given, text
from recobro_console.forms import KEY, Field, Form, Values
from recobro_console.language import NAMES
from recobro_console.pages import NotYours, Page


async def _link(page: Page, subject: Subject) -> Form:
    if page.session.agency_id:
        raise NotYours
    languages = [("", page.tr("the debtor's")), *((str(code), name) for code, name in NAMES.items())]
    return Form(
        page.tr("Link for the debtor"),
        page.tr("Make the link"),
        subject.path,
        [Field("language", page.tr("Language of the page"), options=languages)],
        about(page, subject.contract),
        page.tr(
            "The debtor opens it once within 72 hours, shows who they are, and sees what is owed. An earlier link ends."
        ),
    )


async def _make(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/contracts/{subject.contract['contract_id']}/links"
    made = await page.services.post("promises", path, given(values, "language"), key=values.get(KEY))
    return page.show("contracts/link.html", contract=subject.contract, link=made, back=subject.path)


async def _ending(page: Page, subject: Subject) -> Form:
    if page.session.agency_id:
        raise NotYours
    return Form(
        page.tr("End the link"),
        page.tr("End the link"),
        subject.path,
        [text("reason", page.tr("Reason"), longest=1000)],
        about(page, subject.contract),
        page.tr("The link opens no more, and a page that the debtor has open ends at once."),
        is_danger=True,
    )


async def _end(page: Page, subject: Subject, values: Values) -> Response:
    path = f"/v1/links/{subject.of}/revocation"
    await page.services.post("promises", path, given(values, "reason"), key=values.get(KEY))
    return page.done(subject.path, "The link is ended.")


ACTS: Mapping[str, Act] = {
    "link": Act("promises", _link, _make),
    "link-revocation": Act("promises", _ending, _end),
}
