"""``recobro contract``: finds contracts, shows one, and lists what happened to it. Also the pauses of a contract."""

import textwrap
from itertools import islice
from typing import Annotated, Any, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import DAY_METAVAR
from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import (
    InPortfolio,
    Number,
    OnlyPortfolio,
    Record,
    agency_names,
    contract_numbered,
    day_of_contract,
    portfolio_id_of,
)
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    amount,
    clean,
    count,
    out,
    print_json,
    printable,
    show_table,
    text_table,
)

_LABEL_WIDTH = 19

commands = typer.Typer(no_args_is_help=True, help="Find contracts, show one, and list what happened to it.")


@commands.command()
def find(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A contract number, the beginning of names, of the tax id or customer number, or the end of a phone.",
        ),
    ],
    portfolio: OnlyPortfolio = None,
    stage: Annotated[
        Literal["current", "early", "late", "legal"] | None, typer.Option(help="Only contracts in this stage.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="The most contracts to list.")] = 20,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find contracts by number, name, phone or tax id.

    Exit code 1 if there are none.

    Example: recobro contract find "García López"
    """
    with connect(DataFolder(data), url) as client:
        only = portfolio_id_of(client, portfolio) if portfolio else None
        filters = {"portfolio_id": only, "stage": stage}
        found = list(islice(client.items("portfolio", "/v1/contracts", number=text, **filters), limit + 1))
        found = found or list(islice(client.items("portfolio", "/v1/contracts", q=text, **filters), limit + 1))
    if as_json:
        print_json(found[:limit])
    elif not found:
        out.print(tr("No contract has {text} in it.", text=printable(text)), markup=False)
    else:
        _print_found(found[:limit])
        if len(found) > limit:
            out.print(tr("There are more than {count}. Say more of the name, or use --limit.", count=count(limit)))
    raise typer.Exit(0 if found else 1)


def _print_found(found: list[Record]) -> None:
    headings = [tr("contract"), tr("name"), tr("stage"), tr("days"), tr("overdue")]
    table = text_table(*headings, figures=headings[3:])
    for one in found:
        shown = word(one["stage"] if one["state"] == "open" else one["state"])
        days, overdue = count(one["days_past_due"]), amount(one["overdue_balance"])
        table.add_row(clean(one["contract_number"]), clean(one["debtor_name"]), shown, days, overdue)
    show_table(table)


@commands.command("show")
@asks_platform
def show_contract(
    client: Client,
    number: Number,
    portfolio: InPortfolio = None,
) -> Answer:
    """Show a contract: who owes what since when, whether the debtor may be contacted, and all that is open.

    Example: recobro contract show CLR-070000008
    """
    contract_id = contract_numbered(client, number, portfolio)["contract_id"]
    contract = client.get("portfolio", f"/v1/contracts/{contract_id}")
    agencies = agency_names(client) if contract["placements"] else {}
    yield contract
    _print_position(contract)
    _print_contacts(contract)
    _print_instalments(contract)
    _print_payments(contract["payments"])
    _print_open(contract, agencies)


def _line(label: str, value: object) -> None:
    indent = " " * _LABEL_WIDTH
    text = printable(str(value))
    lines = textwrap.wrap(text, out.width, initial_indent=indent, subsequent_indent=indent) or [indent]
    out.print(f"{label + ':':<{_LABEL_WIDTH}}" + "\n".join(lines)[_LABEL_WIDTH:], markup=False)


def _print_position(contract: Record) -> None:
    debtor = contract["debtor"]
    out.print(printable(f"{contract['contract_number']}  {debtor['name']}"), style="bold", markup=False)
    state = word(contract["state"])
    if contract["state"] == "open":
        state += f", {tr('stage {stage}', stage=word(contract['stage']))}"
    if contract["incomplete"]:
        state += f", {tr('incomplete: some rows were rejected')}"
    _line(tr("state"), state)
    _line(tr("as of"), day(contract["as_of"]))
    _line(tr("days past due"), count(contract["days_past_due"]))
    _line(tr("overdue"), f"{amount(contract['overdue_balance'])} {contract['currency']}")
    _line(tr("in total"), f"{amount(contract['total_balance'])} {contract['currency']}")
    if contract["next_stage_on"]:
        _line(tr("next stage on"), day(contract["next_stage_on"]))
    if debtor["status"] != "active":
        _line(tr("debtor"), word(debtor["status"]))
    if not contract["holds"]:
        _line(tr("contact"), tr("allowed"))
    for hold in contract["holds"]:
        until = tr(" until {day}", day=day(hold["until"])) if hold["until"] else ""
        _line(tr("no contact"), word(hold["reason"]) + until)


def _print_contacts(contract: Record) -> None:
    for point in contract["contact_points"]:
        signs = [name for name in ("verified", "invalid", "opted_out") if point[name]]
        notes = [word(sign) for sign in signs] + ([] if point["usable"] or signs else [tr("not usable")])
        _line(word(point["kind"]), point["value"] + (f" ({', '.join(notes)})" if notes else ""))
    for address in contract["addresses"]:
        parts = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
        _line(word("address"), ", ".join(address[part] for part in parts if address[part]))


def _print_instalments(contract: Record) -> None:
    headings = [tr("instalment"), tr("due on"), tr("amount"), tr("unpaid")]
    table = text_table(*headings, figures=headings)
    for one in contract["instalments"]:
        table.add_row(str(one["number"]), day(one["due_on"]), amount(one["amount"]), amount(one["unpaid"]))
    show_table(table)


def _print_payments(payments: list[Record]) -> None:
    if not payments:
        return
    headings = [tr("paid on"), tr("amount"), tr("channel"), tr("reference"), tr("state")]
    table = text_table(*headings, figures=headings[:2])
    for one in payments:
        state = tr("reversed on {day}", day=day(one["reversed_on"])) if one["reversed_at"] else tr("counts")
        cells = (clean(word(one["channel"])), clean(one["reference"]), state)
        table.add_row(day(one["paid_on"]), amount(one["amount"]), *cells)
    show_table(table)


def _print_open(contract: Record, agencies: dict[str | None, str]) -> None:
    for one in contract["clarifications"]:
        if one["state"] == "open":
            text = tr("{reason}; answer by {day}", reason=word(one["reason"]), day=day(one["deadline_on"]))
        else:
            outcome = tr(f"outcome {one['state']}")
            text = f"{word(one['reason'])}: {outcome}"
        _line(tr("dispute"), text)
    for one in contract["promises"]:
        text = tr("{amount} by {day}", amount=amount(one["promised"]), day=day(one["due_on"]))
        state = tr("promise open") if one["state"] == "open" else word(one["state"])
        _line(tr("promise"), f"{text} ({state})")
    for one in contract["pauses"]:
        until = tr(" until {day}", day=day(one["ends_on"])) if one["ends_on"] else ""
        _line(tr("pause"), tr("from {day}", day=day(one["starts_on"])) + f"{until}: {one['reason']}")
    for one in contract["placements"]:
        kind, state = word(one["kind"]), word(one["state"])
        _line(tr("placed with"), f"{agencies.get(one['agency_id'], one['agency_id'])}, {kind} ({state})")


@commands.command()
@asks_platform
def history(
    client: Client,
    number: Number,
    portfolio: InPortfolio = None,
) -> Answer:
    """List what happened to a contract, oldest first, and who did it.

    Example: recobro contract history CLR-070000008
    """
    contract_id = contract_numbered(client, number, portfolio)["contract_id"]
    found = list(client.items("portfolio", f"/v1/contracts/{contract_id}/history"))
    yield found
    headings = [tr("day"), tr("what"), tr("who")]
    table = text_table(*headings, figures=headings[:1])
    for one in found:
        who = (one["actor"] or {}).get("subject")
        table.add_row(day(one["business_date"]), clean(one["summary"]), clean(who))
    show_table(table)


@asks_platform
def pause(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why nobody may contact the debtor.")],
    starts_on: Annotated[
        str, typer.Option("--from", metavar=DAY_METAVAR, help="The first day without contact.")
    ] = "today",
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day without contact; default: no end.")
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Let nobody contact the debtor about a contract for some days.

    Example: recobro pause CLR-070000008 "hospital" --until 2026-12-05
    """
    contract = contract_numbered(client, number, portfolio)
    body: dict[str, Any] = {"reason": reason, "starts_on": day_of_contract(client, contract, starts_on)}
    body |= {"ends_on": day_of_contract(client, contract, until)} if until else {}
    made = client.post("portfolio", f"/v1/contracts/{contract['contract_id']}/pauses", body)
    yield made
    end = tr(" until {day}", day=day(made["ends_on"])) if made["ends_on"] else ""
    start = tr("from {day}", day=day(made["starts_on"]))
    out.print(tr("Paused: nobody contacts the debtor {days}.", days=f"{start}{end}"))
    out.print(tr("To end it: recobro resume {number}", number=printable(number)), markup=False)


@asks_platform
def resume(
    client: Client,
    number: Number,
    on: Annotated[
        str | None,
        typer.Option(metavar=DAY_METAVAR, help="The last day of the pause; default: the portfolio's business date."),
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """End the pause of a contract.

    Example: recobro resume CLR-070000008
    """
    contract = contract_numbered(client, number, portfolio)
    view = client.get("portfolio", f"/v1/contracts/{contract['contract_id']}")
    running = [one for one in view["pauses"] if one["ends_on"] is None or one["ends_on"] >= view["business_date"]]
    if not running:
        raise Trouble(tr("{number} is not paused.", number=printable(number)))
    body = {"ends_on": day_of_contract(client, contract, on)} if on else {}
    first = min(running, key=lambda one: str(one["starts_on"]))
    ended = client.post("portfolio", f"/v1/pauses/{first['pause_id']}/end", body)
    yield ended
    if ended["ends_on"] < ended["starts_on"]:
        out.print(tr("The pause is called off."))
    else:
        out.print(tr("The pause ends on {day}.", day=day(ended["ends_on"])))
