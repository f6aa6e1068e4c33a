"""What people name instead of ids: contracts by their numbers, portfolios and agencies by their names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from recobro.business_day import TODAY, parsed_day, todays
from recobro.client import Client, Refused
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import err, printable

Record = dict[str, Any]
_MOST_KNOWN = 100_000
_AT_ONCE = 100
"""The most contracts that a search may name by their ids."""

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The number of the contract.")]
InPortfolio = Annotated[
    str | None,
    typer.Option("--portfolio", metavar="NAME", help="The portfolio, by name or id, if the number is in several."),
]
OnlyPortfolio = Annotated[
    str | None,
    typer.Option("--portfolio", metavar="NAME", help="Only this portfolio, by name or id; default: all."),
]


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def portfolio_id_of(client: Client, text: str) -> str:
    """Return the id of the portfolio with this name or id. Raises ``Trouble`` if no or several have the name."""
    if is_id(text):
        return text
    named = _only(
        [one for one in client.items("portfolio", "/v1/portfolios") if one["name"] == text],
        tr("There is no portfolio {text}. To list them: recobro portfolios", text=text),
        tr("Several portfolios have the name {text}. Use the id.", text=text),
    )
    return str(named["portfolio_id"])


def profile_id_of(client: Client, portfolio_id: str, text: str) -> str:
    """Return the id of the profile with this name or id, of the portfolio's creditor. Raises ``Trouble``."""
    if is_id(text):
        return text
    creditor_id = client.get("portfolio", f"/v1/portfolios/{portfolio_id}")["creditor_id"]
    named = _only(
        [one for one in client.items("portfolio", f"/v1/creditors/{creditor_id}/file-profiles") if one["name"] == text],
        tr("The creditor has no profile {text}.", text=text),
        tr("Several profiles have the name {text}. Use the id.", text=text),
    )
    return str(named["profile_id"])


def agency_named(client: Client, text: str) -> Record:
    """Return the agency with this name or id. Raises ``Trouble`` if there is none, or more than one."""
    return _only(
        [one for one in client.items("assignment", "/v1/agencies") if text in (one["agency_id"], one["name"])],
        tr("There is no agency {text}. To list them: recobro agencies", text=text),
        tr("Several agencies have the name {text}. Use the id.", text=text),
    )


def campaign_named(client: Client, text: str) -> Record:
    """Return the campaign with this name or id. Raises ``Trouble`` if there is none, or more than one."""
    return _only(
        [one for one in client.items("dialer-feed", "/v1/campaigns") if text in (one["campaign_id"], one["name"])],
        tr("There is no campaign {text}.", text=text),
        tr("Several campaigns have the name {text}. Use the id.", text=text),
    )


def file_name_of(text: str) -> str:
    """Return the text as a part of a file's name."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in text)


def _only(found: list[Record], none: str, several: str) -> Record:
    if len(found) != 1:
        raise Trouble(several if found else none)
    return found[0]


def contract_numbered(client: Client, number: str, portfolio: str | None) -> Record:
    """Return the contract with this number, as lists of contracts show it.

    If it is in several portfolios, a person at a terminal is asked which. Raises ``Trouble`` otherwise, and if there is
    no such contract.
    """
    only = portfolio_id_of(client, portfolio) if portfolio else None
    found = list(client.items("portfolio", "/v1/contracts", number=number, portfolio_id=only))
    if not found:
        raise Trouble(
            tr("There is no contract {number}. To look for one: recobro contract find NAME", number=printable(number))
        )
    return found[0] if len(found) == 1 else _chosen(client, number, found)


def _chosen(client: Client, number: str, found: list[Record]) -> Record:
    names = portfolio_names(client)
    by_name = {names[one["portfolio_id"]]: one for one in found}
    several = tr(
        "{number} is in several portfolios: {names}.",
        number=printable(number),
        names=", ".join(map(printable, by_name)),
    )
    if not err.is_terminal:
        raise Trouble(f"{several} {tr('Choose one with --portfolio.')}")
    err.print(several, markup=False)
    chosen = ""
    while chosen not in by_name:
        chosen = typer.prompt(tr("Which portfolio?"), err=True)
    return by_name[chosen]


def portfolio_names(client: Client) -> dict[str, str]:
    """Return the name of each portfolio by its id. Portfolios of the same name have their ids beside it."""
    portfolios = list(client.items("portfolio", "/v1/portfolios"))
    names = [one["name"] for one in portfolios]
    return {
        one["portfolio_id"]: one["name"] if names.count(one["name"]) == 1 else f"{one['name']} ({one['portfolio_id']})"
        for one in portfolios
    }


def agency_names(client: Client) -> dict[str | None, str]:
    """Return the name of each agency by its id. Without an agency the work is done from inside."""
    return {one["agency_id"]: one["name"] for one in client.items("assignment", "/v1/agencies")} | {None: tr("inside")}


class Numbers:
    """The numbers of contracts by their ids, each asked once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def learn(self, contract_id: str, number: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[contract_id] = number

    def ask(self, contract_ids: Iterable[str]) -> None:
        """Ask for these numbers, many with one request."""
        unknown = list(dict.fromkeys(each for each in contract_ids if each not in self._known))
        for start in range(0, len(unknown), _AT_ONCE):
            wanted = unknown[start : start + _AT_ONCE]
            for contract in self._client.items("portfolio", "/v1/contracts", contract_id=wanted, limit=_AT_ONCE):
                self.learn(contract["contract_id"], contract["contract_number"])

    def known(self) -> dict[str, str]:
        """Return every number that was found so far, by the contract's id."""
        return dict(self._known)

    def of(self, contract_id: str) -> str:
        """Return the contract's number. A contract that portfolio does not know has its id instead."""
        if contract_id not in self._known:
            try:
                contract = self._client.get("portfolio", f"/v1/contracts/{contract_id}")
            except Refused as refused:
                if refused.status != httpx.codes.NOT_FOUND:
                    raise
                return contract_id
            self.learn(contract_id, contract["contract_number"])
        return self._known[contract_id]


def numbers_of(client: Client, keys: Iterable[str]) -> Mapping[str, str]:
    """Return the contract numbers of the keys that are ids of contracts.

    They are left out while portfolio does not answer: the list of what waits is read when something is broken.
    """
    numbers = Numbers(client)
    try:
        numbers.ask(key for key in keys if is_id(key))
    except Trouble:
        return {}
    return numbers.known()


def named(key: str, numbers: Mapping[str, str]) -> str:
    """Return the key, with the number of the contract before it."""
    return f"{numbers[key]}  {key}" if key in numbers else key


def day_in(portfolio: Record, text: str) -> str:
    """Return the day that a person typed. ``today`` is the date in the portfolio's time zone."""
    if text != TODAY:
        return str(parsed_day(text))
    return str(next(iter(todays([portfolio | {"business_date": TODAY}]))))


def day_of_contract(client: Client, contract: Record, text: str) -> str:
    """Return the day that a person typed about the contract."""
    if text != TODAY:
        return str(parsed_day(text))
    return day_in(client.get("portfolio", f"/v1/portfolios/{contract['portfolio_id']}"), text)


def with_numbers(client: Client, items: Iterable[Record]) -> Iterator[Record]:
    """Yield the items, each with the number of its contract."""
    numbers, found = Numbers(client), list(items)
    numbers.ask(item["contract_id"] for item in found if not item.get("contract_number"))
    for item in found:
        yield item | {"contract_number": item.get("contract_number") or numbers.of(item["contract_id"])}


def day_typed(client: Client, text: str) -> str:
    """Return the day that a person typed. ``today`` is the earliest date in the portfolios' time zones."""
    if text != TODAY:
        return str(parsed_day(text))
    days = todays(one | {"business_date": TODAY} for one in client.items("portfolio", "/v1/portfolios", returned=False))
    if not days:
        raise Trouble(tr("There is no portfolio. To make one: recobro create-portfolio NAME --creditor NAME"))
    return str(next(iter(days)))
