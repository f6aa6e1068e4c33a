"""Sends a portfolio file to the portfolio service and reports the outcome."""

import csv
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from recobro.business_day import parsed_day
from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.dead_letters import moment
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import portfolio_id_of, profile_id_of
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    amount,
    count,
    err,
    may_show,
    out,
    print_json,
    show_table,
    text_table,
)
from recobro.waiting import FileView, findings_of, place_in_line, question, undecided, ways_to_answer

_ASK_EVERY_SECONDS = 0.25
_SHOW_EVERY_TURNS = 20
_CODE = re.compile(r"\(([a-z_]+)\)(?:; |$)")
_PHASES = {
    "waiting": "Waiting",
    "reading": "Reading and checking the rows",
    "applying": "Applying the contracts",
    "closing": "Closing the contracts that the file does not name",
    "linking": "Looking for customers who are one person",
}
_AT_REST = ("loaded", "failed", "needs_confirmation")


@dataclass(frozen=True)
class Reject:
    """A rejected row: its number in the file (the header is row 1) and the code of every problem."""

    row: int
    codes: tuple[str, ...]


def upload(
    client: Client, file: Path, portfolio_id: str, parameters: Mapping[str, Any], progress: Callable[[int], None]
) -> FileView:
    """Send the file. ``parameters`` are the query parameters of the call.

    If the same bytes were sent before, the answer is the state of that file.
    """
    if not file.is_file():
        raise Trouble(tr("There is no file {file}.", file=file))
    query = {"filename": file.name, **parameters}
    view: FileView = client.upload("portfolio", f"/v1/portfolios/{portfolio_id}/files", file, query, progress)
    return view


def wait_until_at_rest(client: Client, file_id: str) -> FileView:
    """Wait until the file is loaded, has failed or needs a confirmation, and return it.

    While it waits behind another file, standard error says behind which one, and what that one waits for.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=err, transient=True, disable=not may_show()) as progress:
        task = progress.add_task(tr("Waiting"), total=100, left="")
        return _at_rest(client, file_id, lambda view: progress.update(task, **_shown(view)))


def _shown(view: FileView) -> dict[str, Any]:
    """What the bar says of the file: its phase, how much is done, and the seconds that are left."""
    seconds = view.get("seconds_left")
    left = (
        "" if seconds is None else tr("{minutes}:{seconds} left", minutes=seconds // 60, seconds=f"{seconds % 60:02d}")
    )
    phase = _PHASES.get(view.get("phase") or "waiting", "Waiting")
    return {"description": tr(phase), "completed": view.get("percent") or 0, "left": left}


def _at_rest(client: Client, file_id: str, show: Callable[[FileView], None]) -> FileView:
    shown: str | None = None
    turns = 0
    while (view := client.get("portfolio", f"/v1/files/{file_id}"))["status"] not in _AT_REST:
        if turns % _SHOW_EVERY_TURNS == 0 and (place := place_in_line(client, view)) not in (None, shown):
            err.print(place, markup=False)
            shown = place
        show(view)
        turns += 1
        time.sleep(_ASK_EVERY_SECONDS)
    settled: FileView = view
    return settled


def read_rejects(file: Path) -> list[Reject]:
    """Return the rejects in ``file``, in the order of the file."""
    with file.open(encoding="utf-8-sig", newline="") as source:
        # The names of the columns and the separator are those of the reader's language.
        separator = next((sign for sign in source.readline() if sign in ",;"), ",")
        return [Reject(int(row[0]), tuple(_CODE.findall(row[1]))) for row in csv.reader(source, delimiter=separator)]


def rejects_by_reason(rejects: list[Reject]) -> Table:
    """Return how many rows each reason applies to. A row may have several reasons."""
    rows: Counter[str] = Counter(code for reject in rejects for code in dict.fromkeys(reject.codes))
    first = {code: reject.row for reject in reversed(rejects) for code in reject.codes}
    headings = [tr("reason"), tr("rows"), tr("first in row")]
    table = text_table(*headings, figures=headings[1:])
    for code, number in rows.most_common():
        table.add_row(word(code), count(number), count(first[code]))
    return table


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The portfolio file, one row per instalment.")],
    portfolio: Annotated[str, typer.Option(metavar="NAME", help="The portfolio to load the file into, by name or id.")],
    mode: Annotated[
        Literal["delta", "snapshot", "amend"],
        typer.Option(
            help="delta: the file states some contracts. snapshot: it states all, and contracts that it does not name "
            "are closed. amend: it completes an earlier file and removes no instalment."
        ),
    ] = "delta",
    amends: Annotated[
        UUID | None, typer.Option(metavar="ID", help="The file to amend; default: the one that the rejected rows name.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day that the file describes; default: today.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The creditor's profile with which the file is read, by name or id."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the file would do, and change nothing.")] = False,
    control_rows: Annotated[
        int | None, typer.Option(metavar="N", help="How many rows the file must have; otherwise nothing is loaded.")
    ] = None,
    control_amount: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="What its amounts must add up to; otherwise nothing is loaded.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm what the file asks, such as a snapshot that closes many contracts.")
    ] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Load a portfolio file and wait for the outcome.

    The rejected rows are saved beside the file as FILE.rejects.csv. Correct them there and load that file: it amends
    the first one.

    Exit code 0 if rows were loaded, 1 if none was.

    Example: recobro load cartera.csv --portfolio "Tarjetas 2026" --as-of 2026-11-22
    """
    wanted_day = as_of and str(parsed_day(as_of))
    parameters: dict[str, Any] = {"mode": mode, "as_of": wanted_day, "amends": amends and str(amends)}
    parameters |= {"control_rows": control_rows, "control_amount": control_amount, "dry_run": dry_run or None}
    with connect(DataFolder(data), url) as client:
        portfolio_id = portfolio_id_of(client, portfolio)
        parameters["profile"] = profile and profile_id_of(client, portfolio_id, profile)
        view = _upload_with_bar(client, file, portfolio_id, parameters, quiet=as_json)
        known_since = view.get("finished_at") if view["status"] == "loaded" else None
        view = wait_until_at_rest(client, view["file_id"])
        while view["status"] == "needs_confirmation":
            view = _confirmed(client, view, yes=yes, may_ask=not as_json)
        rejects_file = _save_rejects(client, view, file)
    if as_json:
        print_json({**view, "rejects_file": str(rejects_file) if rejects_file else None})
    else:
        if known_since:
            at = moment(known_since)
            out.print(
                tr("Nothing is changed: this file was loaded at {at}, with the same bytes, mode and day. Then:", at=at)
            )
        print_outcome(view, rejects_file)
    raise typer.Exit(0 if view["status"] == "loaded" and view["rows_accepted"] else 1)


def _upload_with_bar(
    client: Client, file: Path, portfolio_id: str, parameters: Mapping[str, Any], *, quiet: bool
) -> FileView:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task(
            tr("Sending {file}", file=file.name), total=file.stat().st_size if file.is_file() else None
        )
        return upload(client, file, portfolio_id, parameters, lambda sent: progress.update(task, completed=sent))


def _confirmed(client: Client, view: FileView, *, yes: bool, may_ask: bool) -> FileView:
    """Return the file after the person's answer. Raises ``Trouble`` if nobody can be asked.

    No yes to everything says in which code page a file is.
    """
    asks_for_code_page = view.get("confirmation_reason") == "code_page"
    answer: dict[str, Any] = {"accept": True}
    if asks_for_code_page or not yes:
        if not (may_ask and err.is_terminal):
            again = [] if asks_for_code_page else [tr("Or run the command again with --yes.")]
            lines = [question(view), tr("Nothing has been changed."), *ways_to_answer(view), *again]
            raise Trouble("\n".join(lines))
        answer = _asked_for_code_page(view) if asks_for_code_page else _asked(view)
    client.post("portfolio", f"/v1/files/{view['file_id']}/confirmation", answer)
    return wait_until_at_rest(client, view["file_id"])


def _asked(view: FileView) -> dict[str, Any]:
    return {"accept": typer.confirm(f"{question(view)} {tr('Load it?')}", err=True)}


def _asked_for_code_page(view: FileView) -> dict[str, Any]:
    pages = [reading["code_page"] for reading in view["code_pages"]]
    err.print(question(view), markup=False)
    right = ""
    while right not in (*pages, "none"):
        right = typer.prompt(tr("Which one is right ({pages}, none)?", pages=", ".join(pages)), err=True)
    return {"accept": False} if right == "none" else {"accept": True, "code_page": right}


def _would(view: FileView) -> list[str]:
    """What a dry run has found."""
    counts = {name: count(view[f"would_{name}"]) for name in ("register", "revise", "close", "set_aside")}
    lines = [
        tr(
            "Nothing is changed. Of {read} rows {accepted} are good.",
            read=count(view["rows_read"]),
            accepted=count(view["rows_accepted"]),
        ),
        tr(
            "New contracts: {register}. Restated: {revise}. Closed: {close}. Set aside for a person: {set_aside}.",
            **counts,
        ),
    ]
    return [*lines, *findings_of(view)]


def _save_rejects(client: Client, view: FileView, file: Path) -> Path | None:
    if not view["rows_rejected"]:
        return None
    target = file.with_name(f"{file.name}.rejects.csv")
    client.save("portfolio", f"/v1/files/{view['file_id']}/rejects", target)
    return target


def print_outcome(view: FileView, rejects_file: Path | None) -> None:
    """Print how the loading of the file ended."""
    if view["status"] == "needs_confirmation":
        return
    for warning in view.get("warnings") or ():
        err.print(warning, markup=False)
    if view["status"] != "loaded":
        err.print(tr("Not loaded: {error}", error=view["error"]), style="red", markup=False)
    elif view.get("dry_run"):
        out.print("\n".join(_would(view)), markup=False)
    else:
        out.print(
            tr(
                "Loaded as of {day}: {accepted} of {read} rows, {amount} in {contracts} contracts.",
                day=day(view["as_of"]),
                accepted=count(view["rows_accepted"]),
                read=count(view["rows_read"]),
                amount=amount(view["amount_accepted"]),
                contracts=count(view["contracts"]),
            )
        )
        if incomplete := view["contracts_incomplete"]:
            out.print(tr("Incomplete contracts, with rejected rows: {count}.", count=count(incomplete)))
        if found := findings_of(view):
            out.print("\n".join(found), markup=False)
        if left := undecided(view):
            out.print("\n".join([left, *ways_to_answer(view)]), markup=False)
    if rejects_file is not None:
        show_table(rejects_by_reason(read_rejects(rejects_file)))
        rejected = count(view["rows_rejected"])
        out.print(
            tr("Rejected rows: {count}. They are in {file}, with the reasons.", count=rejected, file=rejects_file)
        )
        out.print(tr("Correct the rows there and load that file: it amends this one."))
