"""``recobro bank-file``, ``unidentified``, ``allocate``, ``give-back``: the bank's files, and money without a place."""

import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from recobro.asking import Answer, asks_platform
from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.loading import read_rejects, rejects_by_reason
from recobro.lookup import InPortfolio, Number, OnlyPortfolio, Record, contract_numbered, portfolio_id_of
from recobro.payments import parsed_amount
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    amount,
    clean,
    count,
    err,
    may_show,
    out,
    print_json,
    show_table,
    text_table,
)

_ASK_EVERY_SECONDS = 0.25
Unidentified = Annotated[UUID, typer.Argument(metavar="PAYMENT", help="The id that recobro unidentified prints.")]


def bank_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bank's file: CSV, XLSX, camt.053 or MT940.")],
    portfolio: Annotated[str, typer.Option(metavar="NAME", help="The portfolio of the payments, by name or id.")],
    channel: Annotated[str, typer.Option(metavar="CHANNEL", help="The channel of rows that name none.")] = "bank",
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="KIND", help="table, camt.053 or mt940; default: what the content shows."),
    ] = None,
    control_rows: Annotated[
        int | None, typer.Option(metavar="N", help="How many payments the file must have; otherwise nothing is booked.")
    ] = None,
    control_amount: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="What its amounts must add up to; otherwise nothing is booked.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the file would do, and change nothing.")] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Book a bank's file of payments and wait for the outcome. Each bank reference counts once.

    The rejected rows are saved beside the file as FILE.rejects.csv. Correct them there and send that file.

    Exit code 0 if the file was booked, 1 if not.

    Example: recobro bank-file pagos.csv --portfolio "Tarjetas 2026" --control-rows 1200
    """
    if not file.is_file():
        raise Trouble(tr("There is no file {file}.", file=file))
    query: dict[str, Any] = {"filename": file.name, "format": form, "channel": channel, "control_rows": control_rows}
    query |= {"control_amount": control_amount, "dry_run": dry_run or None}
    with connect(DataFolder(data), url) as client:
        path = f"/v1/portfolios/{portfolio_id_of(client, portfolio)}/payment-files"
        sent = client.upload("portfolio", path, file, query, lambda _: None)
        view = _until_booked(client, sent["file_id"])
        rejects = _save_rejects(client, view, file)
    if as_json:
        print_json({**view, "rejects_file": str(rejects) if rejects else None})
    else:
        _print_outcome(view, rejects)
    raise typer.Exit(0 if view["status"] == "loaded" else 1)


def _until_booked(client: Client, file_id: str) -> Record:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not may_show()) as progress:
        task = progress.add_task(tr("Booking the payments"), total=100)
        while (view := client.get("portfolio", f"/v1/payment-files/{file_id}"))["status"] not in ("loaded", "failed"):
            progress.update(task, completed=view["percent"])
            time.sleep(_ASK_EVERY_SECONDS)
    booked: Record = view
    return booked


def _save_rejects(client: Client, view: Record, file: Path) -> Path | None:
    if not view["rows_rejected"]:
        return None
    target = file.with_name(f"{file.name}.rejects.csv")
    client.save("portfolio", f"/v1/payment-files/{view['file_id']}/rejects", target)
    return target


def _print_outcome(view: Record, rejects: Path | None) -> None:
    for warning in view["warnings"]:
        err.print(warning, markup=False)
    if view["status"] != "loaded":
        err.print(tr("Not booked: {error}", error=view["error"]), style="red", markup=False)
    else:
        names = ("payments", "known", "reversals", "unidentified")
        counts = {name: f"{count(view[name])} ({amount(view[f'amount_{name}'])})" for name in names}
        if view["dry_run"]:
            out.print(tr("This was a dry run. Nothing was booked."))
        out.print(
            tr(
                "Booked: {payments}. Known before: {known}. Reversals: {reversals}. Unidentified: {unidentified}.",
                **counts,
            )
        )
        if view["waiting"]:
            out.print(tr("To see whose they may be: recobro unidentified"))
    if rejects is not None:
        show_table(rejects_by_reason(read_rejects(rejects)))
        rejected = count(view["rows_rejected"])
        out.print(tr("Rejected rows: {count}. They are in {file}, with the reasons.", count=rejected, file=rejects))


@asks_platform
def unidentified(client: Client, portfolio: OnlyPortfolio = None) -> Answer:
    """List the payments of banks' files that wait for their contract, the oldest first.

    Example: recobro unidentified --portfolio "Tarjetas 2026"
    """
    wanted = {"state": "open"} | ({"portfolio_id": portfolio_id_of(client, portfolio)} if portfolio else {})
    found = list(client.items("portfolio", "/v1/unidentified-payments", **wanted))
    yield found
    if not found:
        out.print(tr("No payment waits for its contract."))
        return
    headings = [tr("payment"), tr("paid on"), tr("amount"), tr("reference"), tr("the bank says"), tr("why")]
    table = text_table(*headings, figures=[tr("amount")])
    # The id is copied.
    table.columns[0].no_wrap = True
    for one in found:
        says = clean(" · ".join(one[name] for name in ("contract_number", "payer", "concept") if one[name]))
        row = (one["unidentified_id"], day(one["paid_on"]), amount(one["remaining"]), clean(one["reference"]), says)
        table.add_row(*row, word(one["why"]))
    show_table(table)


@asks_platform
def allocate(
    client: Client,
    payment: Unidentified,
    number: Number,
    part: Annotated[
        str | None,
        typer.Option("--amount", metavar="AMOUNT", help="The part of the payment to book; the rest goes on waiting."),
    ] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Book an unidentified payment on its contract, with the bank's day.

    Example: recobro allocate 019ab2c4-7d1e-7f00-8000-000000000001 CLR-070000008 --amount 500.00
    """
    contract = contract_numbered(client, number, portfolio)
    body = {"contract_id": contract["contract_id"]} | ({"amount": parsed_amount(part)} if part else {})
    booked = client.post("portfolio", f"/v1/unidentified-payments/{payment}/allocation", body)
    yield booked
    left = amount(booked["unidentified"]["remaining"])
    out.print(tr("Allocated: {amount}. Still unidentified: {left}.", amount=amount(booked["amount"]), left=left))


@asks_platform
def give_back(
    client: Client,
    payment: Unidentified,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why the money goes back to its payer.")],
) -> Answer:
    """Note that an unidentified payment goes back to its payer.

    Example: recobro give-back 019ab2c4-7d1e-7f00-8000-000000000001 "no es cliente"
    """
    returned = client.post("portfolio", f"/v1/unidentified-payments/{payment}/return", {"reason": reason})
    yield returned
    out.print(tr("Given back: {amount}.", amount=amount(returned["returned"])))
