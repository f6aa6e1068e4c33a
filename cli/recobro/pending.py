"""``recobro waiting``: everything that waits, for whom, and the command that answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

import typer
from recobro_platform import SERVICES

from recobro.asking import Answer, asks_platform
from recobro.client import Client
from recobro.language import day, tr, word
from recobro.lookup import Record, agency_names, with_numbers
from recobro.terminal import (
    amount,
    clean,
    count,
    out,
    printable,
    show_table,
    text_table,
    working,
)
from recobro.waiting import question, undecided, ways_to_answer

_MOST_SHOWN = 20
_PAGE = 1000


@dataclass(frozen=True)
class Kind:
    """What can wait: its code, for whom it waits, and how it is found.

    ``sentence`` says one that is a file. Of all others ``cells`` says what waits and until when, and ``answer`` is the
    command that answers.
    """

    code: str
    title: str
    whom: str
    find: Callable[[Client, int], Iterator[Record]]
    cells: Callable[[Record], tuple[str, str | None]] = lambda _: ("", None)
    answer: str = ""
    sentence: Callable[[Record], str | None] | None = None


@asks_platform
def waiting(
    client: Client,
    days: Annotated[
        int,
        typer.Option(min=0, max=365, metavar="DAYS", help="List disputes that must be answered within this many days."),
    ] = 7,
) -> Answer:
    """List what waits, for whom, and the command that answers.

    The list has files that wait for an answer, contracts that a file has set aside, disputes near their deadline,
    objections and recalls, promises that are due, reports and addresses to decide about, and contracts whose events
    wait.

    Example: recobro waiting --days 3
    """
    with working(tr("Looking at what waits")):
        found = [(kind, list(kind.find(client, days))) for kind in KINDS]
    yield [{"kind": kind.code, "for": kind.whom, "items": items} for kind, items in found if items]
    if not any(items for _, items in found):
        out.print(tr("Nothing waits."))
    for kind, items in found:
        if items:
            _print_kind(kind, items)


def _print_kind(kind: Kind, items: list[Record]) -> None:
    out.print(f"{tr(kind.title)} ({count(len(items))}), {tr(kind.whom)}", style="bold", markup=False)
    if kind.sentence is not None:
        for view in items:
            lines = [f"{view['filename']}: {kind.sentence(view)}", *(f"  {way}" for way in ways_to_answer(view))]
            out.print("\n".join(printable(line) for each in lines for line in each.split("\n")), markup=False)
        out.print()
        return
    headings = [tr("contract"), tr("what"), tr("until")]
    table = text_table(*headings, figures=headings[2:])
    for item in items[:_MOST_SHOWN]:
        what, until = kind.cells(item)
        table.add_row(clean(item["contract_number"]), clean(what), day(until))
    show_table(table)
    if (more := len(items) - _MOST_SHOWN) > 0:
        out.print(tr("And {count} more; --json lists them all.", count=count(more)))
    out.print(f"  {kind.answer}", markup=False)
    out.print()


def _files(client: Client, _: int) -> Iterator[Record]:
    return client.items("portfolio", "/v1/files", status="needs_confirmation", limit=_PAGE)


def _set_aside(client: Client, _: int) -> Iterator[Record]:
    return client.items("portfolio", "/v1/files", undecided="true", limit=_PAGE)


def _reached(client: Client) -> Iterator[tuple[str, date]]:
    """Yield each portfolio's id and business date."""
    for portfolio in client.items("portfolio", "/v1/portfolios", limit=_PAGE, returned=False):
        if portfolio["business_date"]:
            yield portfolio["portfolio_id"], date.fromisoformat(portfolio["business_date"])


def _disputes(client: Client, days: int) -> Iterator[Record]:
    for portfolio_id, reached in _reached(client):
        before = str(reached + timedelta(days=days + 1))
        wanted = {"state": "open", "portfolio_id": portfolio_id, "deadline_before": before}
        yield from client.items("portfolio", "/v1/clarifications", limit=_PAGE, **wanted)


def _promises(client: Client, _: int) -> Iterator[Record]:
    reached = max((day for _, day in _reached(client)), default=None)
    due = client.items("promises", "/v1/promises", state="open", due_to=str(reached), limit=_PAGE) if reached else ()
    return with_numbers(client, due)


def _placements(client: Client, state: str) -> Iterator[Record]:
    found = list(client.items("assignment", "/v1/placements", state=state, limit=_PAGE))
    names = agency_names(client) if found else {}
    return with_numbers(client, (one | {"agency": names.get(one["agency_id"])} for one in found))


def _objections(client: Client, _: int) -> Iterator[Record]:
    return _placements(client, "objected")


def _recalls(client: Client, _: int) -> Iterator[Record]:
    return _placements(client, "recall_pending")


def _reports(client: Client, _: int) -> Iterator[Record]:
    return with_numbers(client, client.items("portfolio", "/v1/reports", state="open", limit=_PAGE))


def _addresses(client: Client, _: int) -> Iterator[Record]:
    for issue in ("unchecked", "wrong_address"):
        yield from client.items("portfolio", "/v1/address-reviews", issue=issue, limit=_PAGE)


def _parked(client: Client, _: int) -> Iterator[Record]:
    parked = (
        one | {"service": service.name, "contract_number": one["key"] if one["contract_id"] is None else None}
        for service in SERVICES
        for one in client.items(service.name, "/v1/parked-keys", limit=_PAGE)
    )
    return with_numbers(client, parked)


def _said_dispute(one: Record) -> tuple[str, str | None]:
    return word(one["reason"]), one["deadline_on"]


def _said_promise(one: Record) -> tuple[str, str | None]:
    paid, promised = amount(one["paid"]), amount(one["amount"])
    return tr("{paid} of {promised} is paid", paid=paid, promised=promised), one["due_on"]


def _said_objection(one: Record) -> tuple[str, str | None]:
    return f"{one['agency']}: {one['objection']}", one["final_on"]


def _said_recall(one: Record) -> tuple[str, str | None]:
    return f"{one['agency']}: {word(one['reason'])}", one["final_on"]


def _said_report(one: Record) -> tuple[str, str | None]:
    return word(one["kind"]), None


def _said_address(one: Record) -> tuple[str, str | None]:
    place = ", ".join(one[part] for part in ("street", "exterior", "city") if one[part])
    return f"{', '.join(map(word, one['issues']))}: {place}", None


def _said_parked(one: Record) -> tuple[str, str | None]:
    return f"{one['service']}: {one['error'] or '–'}", None


YOU = "waiting for you"
KINDS = (
    Kind("file", "Files that ask something", YOU, _files, sentence=question),
    Kind("set-aside", "Contracts that a file has set aside", YOU, _set_aside, sentence=undecided),
    Kind("dispute", "Disputes near their deadline", YOU, _disputes, _said_dispute, "recobro resolve NUMBER OUTCOME"),
    Kind(
        "objection",
        "Objections of agencies",
        YOU,
        _objections,
        _said_objection,
        "recobro objection NUMBER REASON --accept|--refuse",
    ),
    Kind(
        "report",
        "Reports of agencies that do not have the contract",
        YOU,
        _reports,
        _said_report,
        "recobro decide NUMBER [--no]",
    ),
    Kind(
        "address",
        "Addresses that visitors found, or found to be wrong",
        YOU,
        _addresses,
        _said_address,
        "recobro contract show NUMBER",
    ),
    Kind("recall", "Recalls", "waiting for the agency", _recalls, _said_recall, "recobro contract show NUMBER"),
    Kind(
        "promise",
        "Promises that are due",
        "waiting for the debtor",
        _promises,
        _said_promise,
        "recobro contract show NUMBER",
    ),
    Kind(
        "parked",
        "Contracts whose events wait",
        "waiting for the administrator",
        _parked,
        _said_parked,
        "recobro dead-letters list",
    ),
)
