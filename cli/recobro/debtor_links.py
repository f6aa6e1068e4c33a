"""``recobro link``, and what a debtor does with a link: the page is used as a browser without scripts uses it."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lookup import InPortfolio, Number, contract_numbered
from recobro.terminal import out

_FORM = r'<form method="post" action="{action}["#][^>]*>(.*?)</form>'
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@asks_platform
def link(
    client: Client,
    number: Number,
    language: Annotated[
        Literal["es", "pt", "en"] | None, typer.Option(help="Language of the page, by default the debtor's.")
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Make a link with which the debtor of a contract sees what is owed, and promises, agrees or disputes.

    Example: recobro link CLR-070000008
    """
    contract = contract_numbered(client, number, portfolio)
    body = {} if language is None else {"language": language}
    made = client.post_when_known("promises", f"/v1/contracts/{contract['contract_id']}/links", body)
    yield made
    out.print(made["url"], soft_wrap=True)
    out.print(tr("It opens once, within 72 hours. Send it to the debtor."))


class DebtorsBrowser:
    """A debtor's browser on the page of a link. ``base`` is promises' address, which may differ from the link's."""

    def __init__(self, base: str, url: str) -> None:
        self._base = base
        self._path = "/p/" + url.rpartition("/p/")[2]
        self._cookie: dict[str, str] = {}
        self.text = self.open()

    def open(self) -> str:
        """Open the link, and return what it shows."""
        return self._ask("GET", self._path).text

    def identify(self, **answers: str) -> None:
        """Prove to be the debtor."""
        answer = self._send("/p/identity", answers)
        # The cookie of an address with TLS would not travel on an address within the platform.
        self._cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        self.text = self._ask("GET", "/p/mine").text

    def act(self, kind: str, **fields: str) -> None:
        """Send the form of an act."""
        self._send(f"/p/act/{kind}", fields)
        self.text = self._ask("GET", "/p/mine").text

    def _send(self, action: str, fields: Mapping[str, str]) -> httpx.Response:
        form = re.search(_FORM.format(action=action), self.text, re.DOTALL)
        if form is None:
            raise Trouble(tr("The debtor's page has no form for {action}.", action=action))
        answer = self._ask("POST", action, dict(_HIDDEN.findall(form[1])) | dict(fields))
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise Trouble(tr("The debtor's page refused {action}: {status}.", action=action, status=answer.status_code))
        return answer

    def _ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        return httpx.request(method, self._base + path, data=form, headers=self._cookie, timeout=30)
