"""``recobro portfolios`` and ``recobro create-portfolio``."""

from typing import Annotated, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import Record
from recobro.terminal import (
    amount,
    clean,
    count,
    out,
    printable,
    show_table,
    text_table,
)


@asks_platform
def portfolios(client: Client) -> Answer:
    """List the portfolios with their day, their contracts by stage, and what is overdue.

    Example: recobro portfolios
    """
    found = [
        one | {"stages": _stages(client, one)} for one in client.items("portfolio", "/v1/portfolios", returned=False)
    ]
    yield found
    if not found:
        out.print(tr("There is no portfolio. To make one: recobro create-portfolio NAME --creditor NAME"))
        return
    headings = [tr("portfolio"), tr("day"), tr("stage"), tr("contracts"), tr("overdue")]
    table = text_table(*headings, figures=(headings[1], *headings[3:]))
    for one in found:
        name, reached = clean(one["name"]), day(one["business_date"])
        for total in one["stages"] or [None]:
            cells = (word(total["stage"]), count(total["contracts"]), amount(total["overdue_balance"])) if total else ()
            table.add_row(name, reached, *cells)
            name, reached = clean(" "), ""
    show_table(table)
    for one in found:
        if one["state"] != "ready":
            out.print(tr("{name} is loading a file.", name=printable(one["name"])), markup=False)


def _stages(client: Client, portfolio: Record) -> list[Record]:
    totals: list[Record] = client.get("portfolio", "/v1/stages", portfolio_id=portfolio["portfolio_id"])
    return [total for total in totals if total["contracts"]]


@asks_platform
def create_portfolio(
    client: Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the new portfolio.")],
    creditor: Annotated[str, typer.Option(metavar="NAME", help="The creditor. A new name makes a new creditor.")],
    kind: Annotated[
        Literal["financial", "commercial"],
        typer.Option(help="The kind of a new creditor. The rules for the two kinds differ."),
    ] = "financial",
    jurisdiction: Annotated[
        str, typer.Option(metavar="COUNTRY", help="The country whose rules hold, such as MX, BR, US or GB.")
    ] = "MX",
    currency: Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")] = "MXN",
) -> Answer:
    """Make a portfolio, into which files can then be loaded.

    Example: recobro create-portfolio "Tarjetas 2026" --creditor "Financiera La Laguna"
    """
    if any(one["name"] == name for one in client.items("portfolio", "/v1/portfolios")):
        raise Trouble(tr("There is a portfolio {name} already.", name=printable(name)))
    known = [one for one in client.items("portfolio", "/v1/creditors") if one["name"] == creditor]
    new = {"name": creditor, "kind": kind, "country": jurisdiction}
    creditor_id = (known[0] if known else client.post("portfolio", "/v1/creditors", new))["creditor_id"]
    body = {"creditor_id": creditor_id, "name": name, "currency": currency, "jurisdiction": jurisdiction}
    made = client.post("portfolio", "/v1/portfolios", body)
    yield made
    out.print(tr("The portfolio {name} is made.", name=printable(name)), markup=False)
    out.print(tr("To load a file: recobro load FILE --portfolio NAME"))
