"""``recobro files`` and ``recobro confirm``: what files wait for, and the answers of a person."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from recobro.asking import Answer, asks_platform
from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.loading import print_outcome, wait_until_at_rest
from recobro.lookup import OnlyPortfolio, portfolio_id_of
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    clean,
    count,
    err,
    out,
    print_json,
    printable,
    show_table,
    text_table,
)
from recobro.waiting import FileView, is_waiting, place_in_line, question, undecided, ways_to_answer

FileId = Annotated[UUID, typer.Argument(metavar="FILE", help="The id of the file, as `recobro files` prints it.")]


@asks_platform
def files(
    client: Client,
    portfolio: OnlyPortfolio = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="The most files to list, the newest first.")
    ] = 20,
) -> Answer:
    """List the newest files with their state, what they wait for, and how to answer.

    Example: recobro files --portfolio "Tarjetas 2026"
    """
    only = portfolio and portfolio_id_of(client, portfolio)
    shown = list(islice(_newest_first(client, only), limit))
    waits = {view["file_id"]: _waits_for(client, view) for view in shown}
    yield [{**view, "waits_for": waits[view["file_id"]]} for view in shown]
    if not shown:
        out.print(tr("There are no files."))
        return
    headings = [tr("file"), tr("as of"), tr("state"), tr("rows"), tr("rejected")]
    table = text_table(*headings, figures=(headings[1], *headings[3:]))
    for view in shown:
        counts = ("–" if view[name] is None else count(view[name]) for name in ("rows_read", "rows_rejected"))
        table.add_row(clean(view["filename"]), day(view["as_of"]), word(view["status"]), *counts)
    show_table(table)
    for view in shown:
        if sentence := waits[view["file_id"]]:
            out.print(f"{printable(view['filename'])} ({view['file_id']}):", sentence, style="bold", markup=False)
            for way in ways_to_answer(view):
                out.print(f"  {way}", markup=False)


def _newest_first(client: Client, portfolio_id: str | None) -> Iterator[FileView]:
    return client.items("portfolio", "/v1/files", portfolio_id=portfolio_id, order="desc")


def _waits_for(client: Client, view: FileView) -> str | None:
    return question(view) if is_waiting(view) else undecided(view) or place_in_line(client, view)


@asks_platform
def findings(
    client: Client,
    file: Annotated[
        UUID | None, typer.Argument(metavar="[FILE]", help="The id of the file. Without it, --undecided is needed.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only findings of this kind, such as set_aside.")
    ] = None,
    undecided_only: Annotated[
        bool, typer.Option("--undecided", help="Only contracts about which a person still has to decide.")
    ] = False,
    portfolio: Annotated[
        str | None, typer.Option(metavar="NAME", help="Without FILE: only this portfolio, by name or id.")
    ] = None,
) -> Answer:
    """List where a loaded file differs from what was known before, contract by contract, and what a person has decided.

    With --undecided and without FILE: all contracts that wait for a decision, of all files.

    Example: recobro findings --undecided
    """
    if file is None and not undecided_only:
        raise Trouble(tr("Name the file, or use --undecided for the contracts of all files that wait for a decision."))
    chosen = {"undecided": "true"} if undecided_only else {}
    waiting = {"undecided": "true", "portfolio_id": portfolio and portfolio_id_of(client, portfolio)}
    files = [{"file_id": file}] if file else list(client.items("portfolio", "/v1/files", **waiting))
    found = [
        item | {"file_id": str(view["file_id"])}
        for view in files
        for item in client.items("portfolio", f"/v1/files/{view['file_id']}/findings", kind=kind, **chosen)
    ]
    yield found
    if not found:
        out.print(tr("Nobody has to decide about a contract.") if undecided_only else tr("The file has no findings."))
        return
    for item in found:
        decision = _decision(item)
        out.print(printable(f"{item['contract_number']}: {item['text']}{decision}"), markup=False)
    for file_id in sorted({item["file_id"] for item in found if item["undecided"]}):
        out.print(tr("To decide: recobro confirm {file} [--no] [--contract NUMBER]", file=file_id), markup=False)


def _decision(item: dict[str, Any]) -> str:
    if item["undecided"]:
        return f" {tr('It waits for a decision of yours.')}"
    if (decision := item["decision"]) is None:
        return ""
    who = (decision["decided_by"] or {}).get("subject", "–")
    decided = tr("Decided yes by {who} on {day}.") if decision["accepted"] else tr("Decided no by {who} on {day}.")
    return " " + decided.format(who=who, day=day(decision["decided_at"][:10]))


def confirm(
    file: FileId,
    no: Annotated[bool, typer.Option("--no", help="Refuse what the file asks.")] = False,
    code_page: Annotated[
        Literal["cp1252", "cp850", "mac_roman"] | None,
        typer.Option(help="The code page in which the words are right, for a file that waits for it."),
    ] = None,
    contract: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER", help="Decide only about this contract that the file set aside; may be repeated."
        ),
    ] = None,
    remember: Annotated[
        bool,
        typer.Option(
            "--remember",
            help="Use the answer for the portfolio's next files too: the code page, or that rows are whole.",
        ),
    ] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Answer what a file waits for, or decide about the contracts that it has set aside.

    Without --no the answer is yes. Exit code 0 if the answer has been carried out.

    Example: recobro confirm 0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11 --code-page cp850 --remember
    """
    if no and code_page is not None:
        raise Trouble(tr("A file that is refused is not read: leave out --no or --code-page."))
    body: dict[str, Any] = {"accept": not no}
    body |= {"code_page": code_page} if code_page is not None else {}
    body |= {"contracts": contract} if contract else {}
    body |= {"remember": True} if remember else {}
    with connect(DataFolder(data), url) as client:
        before: FileView = client.get("portfolio", f"/v1/files/{file}")
        if before.get("confirmation_reason") == "code_page" and is_waiting(before) and not (no or code_page):
            raise Trouble("\n".join([question(before), *ways_to_answer(before)]))
        view = _answered(client, before, body)
    if as_json:
        print_json(view)
    elif no and view["status"] == "failed":
        out.print(tr("Refused: nothing of the file is loaded."))
    elif undecided(before):
        left = undecided(view)
        out.print(left or tr("Decided: no contract of this file is set aside any more."), markup=False)
    else:
        print_outcome(view, None)
    if is_waiting(view):
        err.print("\n".join([question(view), *ways_to_answer(view)]), markup=False)
    raise typer.Exit(0 if view["status"] == ("failed" if no and is_waiting(before) else "loaded") else 1)


def _answered(client: Client, before: FileView, body: dict[str, Any]) -> FileView:
    path = f"/v1/files/{before['file_id']}/confirmation"
    view: FileView = client.post("portfolio", path, body)
    # One request decides about some thousand contracts.
    while not body.get("contracts") and undecided(before) and undecided(view):
        left = view["undecided"]
        view = client.post("portfolio", path, {"accept": body["accept"]})
        if view["undecided"] >= left:
            break
    return wait_until_at_rest(client, view["file_id"])
