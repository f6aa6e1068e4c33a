"""``recobro agencies`` and what is decided about placements: recalls, objections and reports of agencies."""

from typing import Annotated, Any, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import InPortfolio, Number, Record, agency_names, contract_numbered
from recobro.terminal import (
    clean,
    count,
    out,
    printable,
    show_table,
    text_table,
)

Kind = Annotated[
    Literal["dialing", "collection", "visits"] | None,
    typer.Option(help="Only this kind of work, if the contract is placed for several."),
]


@asks_platform
def agencies(client: Client) -> Answer:
    """List the agencies with the terms of their service contracts.

    Example: recobro agencies
    """
    found = [one | {"service_contracts": _terms(client, one)} for one in client.items("assignment", "/v1/agencies")]
    yield found
    if not found:
        out.print(tr("There are no agencies."))
        return
    headings = [tr("agency"), tr("e-mail"), tr("work"), tr("from"), tr("to"), tr("at most")]
    table = text_table(*headings, figures=headings[3:])
    for one in found:
        name, email = clean(one["name"]), clean(one["email"])
        for terms in one["service_contracts"] or [None]:
            table.add_row(name, email, *(_cells(terms) if terms else (tr("no service contract"),)))
            name, email = clean(" "), clean(" ")
    show_table(table)


def _terms(client: Client, agency: Record) -> list[Record]:
    return list(client.items("assignment", f"/v1/agencies/{agency['agency_id']}/service-contracts"))


def _cells(terms: Record) -> tuple[str, ...]:
    most = "–" if terms["capacity"] is None else count(terms["capacity"])
    return ", ".join(map(word, terms["kinds"])), day(terms["starts_on"]), day(terms["ends_on"]), most


@asks_platform
def recall(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why the contract is taken back.")],
    kind: Kind = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Take a contract back from its agency. The agency stops work at once.

    Example: recobro recall CLR-070000008 "the creditor negotiates"
    """
    placement = _placement(client, contract_numbered(client, number, portfolio), "active", kind)
    path = f"/v1/placements/{placement['placement_id']}/recall"
    recalled = client.post("assignment", path, {"reason": reason})
    agency = agency_names(client)[recalled["agency_id"]]
    yield recalled
    final = day(recalled["final_on"])
    out.print(tr("Recalled from {agency}; final on {day}.", agency=printable(agency), day=final), markup=False)


@asks_platform
def objection(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why you decide so.")],
    accept: Annotated[
        bool,
        typer.Option("--accept/--refuse", help="--accept: the agency keeps the contract. --refuse: the recall stands."),
    ],
    kind: Kind = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Decide about an agency's objection to a recall.

    Example: recobro objection CLR-070000008 "it has a promise for Friday" --accept
    """
    placement = _placement(client, contract_numbered(client, number, portfolio), "objected", kind)
    path = f"/v1/placements/{placement['placement_id']}/objection-decision"
    yield client.post("assignment", path, {"accepted": accept, "reason": reason})
    out.print(tr("Accepted: the agency keeps the contract.") if accept else tr("Refused: the recall stands."))


def _placement(client: Client, contract: Record, state: str, kind: str | None) -> Record:
    """Return the contract's only placement in this state. Raises ``Trouble`` if there is none or more than one."""
    wanted = {"contract_id": contract["contract_id"], "state": state, "kind": kind}
    found = list(client.items("assignment", "/v1/placements", **wanted))
    if len(found) == 1:
        placement: Record = found[0]
        return placement
    number = printable(contract["contract_number"])
    if not found:
        raise Trouble(tr("{number} has no placement in the state: {state}.", number=number, state=word(state)))
    kinds = ", ".join(one["kind"] for one in found)
    raise Trouble(tr("{number} is placed for {kinds}. Choose one with --kind.", number=number, kinds=kinds))


@asks_platform
def decide(
    client: Client,
    number: Number,
    no: Annotated[bool, typer.Option("--no", help="The report never has an effect.")] = False,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only reports of this kind.")] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Decide about what agencies have reported about a contract that was not with them.

    Without --no the reports have their effect.

    Example: recobro decide CLR-070000008 --no
    """
    contract = contract_numbered(client, number, portfolio)
    found = client.items("portfolio", "/v1/reports", state="open", contract_id=contract["contract_id"])
    reports = [one for one in found if kind in (None, one["kind"])]
    if not reports:
        raise Trouble(tr("No report about {number} waits for a decision.", number=printable(number)))
    decided: list[Any] = [
        client.post("portfolio", f"/v1/reports/{one['report_id']}/decision", {"apply": not no}) for one in reports
    ]
    yield decided
    for one in decided:
        out.print(f"{word(one['kind'])}: {word(one['state'])}", markup=False)
