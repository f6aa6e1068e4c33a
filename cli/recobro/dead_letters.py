"""``recobro dead-letters``: the events that services set aside, for the person who must decide about them."""

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from recobro_platform import SERVICES
from rich import box
from rich.table import Table
from rich.text import Text

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lookup import named, numbers_of
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, count, err, out, print_json, printable, show_table

SERVICE_NAMES = tuple(service.name for service in SERVICES)


def known(name: str | None) -> str | None:
    if name is not None and name not in SERVICE_NAMES:
        raise typer.BadParameter(
            tr(
                "there is no service {name}. The services are: {service_names}.",
                name=name,
                service_names=", ".join(SERVICE_NAMES),
            )
        )
    return name


ServiceName = Annotated[
    str,
    typer.Argument(metavar="SERVICE", callback=known, help=f"One of {', '.join(SERVICE_NAMES)}.", show_default=False),
]
OneService = Annotated[
    str | None, typer.Option("--service", metavar="SERVICE", callback=known, help="Only this service; default: all.")
]
LetterId = Annotated[
    int,
    typer.Argument(metavar="LETTER_ID", min=0, help="The number of the letter, as recobro dead-letters list shows it."),
]

commands = typer.Typer(
    no_args_is_help=True,
    help="Show, replay or discard the events that a service has set aside.",
)


@commands.command("list")
def list_waiting(
    service: OneService = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the keys whose events wait for a decision, in every service.

    Exit code 1 if a service did not answer.

    Example: recobro dead-letters list --service portfolio
    """
    with connect(DataFolder(data), url) as client:
        waiting, troubles = items_of(client, service, "/v1/parked-keys")
        numbers = {} if as_json else numbers_of(client, (item["key"] for item in waiting))
    if as_json:
        print_json(waiting)
    elif waiting:
        _show_waiting(waiting, numbers, options_of(data, url))
    elif not troubles:
        out.print(tr("No events are waiting in {service}.", service=service or "any service"))
    for each in troubles:
        err.print(str(each), style="red", markup=False)
    raise typer.Exit(1 if troubles else 0)


def items_of(client: Client, service: str | None, path: str) -> tuple[list[dict[str, Any]], list[Trouble]]:
    """Return all items under the path, of one service or of all, and the errors of services that did not answer."""
    found: list[dict[str, Any]] = []
    troubles: list[Trouble] = []
    for name in SERVICE_NAMES if service is None else (service,):
        try:
            found += [{"service": name, **item} for item in client.items(name, path)]
        except Trouble as trouble:
            troubles.append(trouble)
    return found, troubles


def _show_waiting(waiting: list[dict[str, Any]], numbers: Mapping[str, str], options: str) -> None:
    # With a whole key the table just fits into 80 columns.
    table = Table(tr("service"), box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column(tr("letter"), justify="right")
    table.add_column(tr("key, event, error"), overflow="fold")
    table.add_column(tr("waiting"), justify="right")
    table.add_column(tr("since"))
    for item in waiting:
        lines = "\n".join(
            printable(text) for text in (named(item["key"], numbers), item["type"], item["error"]) if text
        )
        since = moment(item["parked_at"]).replace(" ", "\n", 1)
        table.add_row(item["service"], str(item["letter_id"]), Text(lines), str(item["letters"]), since)
    show_table(table)
    events = count(sum(item["letters"] for item in waiting))
    out.print("\n" + tr("Waiting: {events} (keys: {keys}).", events=events, keys=count(len(waiting))), end=" ")
    out.print(tr("The first event of each key could not be applied; the others wait behind it."))
    if any(item["contract_id"] for item in waiting):
        out.print(tr("Nobody is called or visited about these contracts until none of their events waits."))
    _print_next_steps(waiting[0]["service"], waiting[0]["letter_id"], "--all", options, look=True)


@commands.command()
def show(
    service: ServiceName, letter_id: LetterId, data: Data = DEFAULT_DATA, url: Url = None, as_json: AsJson = False
) -> None:
    """Show one event that was set aside, with its full content.

    The content may be personal data.

    Example: recobro dead-letters show portfolio 17
    """
    with connect(DataFolder(data), url) as client:
        letter = client.get(service, f"/v1/dead-letters/{letter_id}")
    if as_json:
        print_json(letter)
        return
    for name, value in _facts_of(letter).items():
        out.print(printable(f"{name:<12} {value}"), markup=False)
    out.print("\n" + tr("Headers:"), style="bold")
    for name, value in letter["headers"].items():
        out.print(printable(f"{name}: {value}"), markup=False)
    out.print("\n" + tr("Content (it may be personal data):"), style="bold")
    out.print("\n".join(map(printable, _content_of(letter).split("\n"))), markup=False)
    if letter["discarded_at"] is None:
        which = _which(letter["key"]) if letter["body_base64"] is not None else None
        _print_next_steps(service, letter_id, which, options_of(data, url))


def _facts_of(letter: dict[str, Any]) -> dict[str, Any]:
    facts = {
        tr("letter"): letter["letter_id"],
        tr("key"): letter["key"],
        tr("event"): f"{letter['type'] or tr('unknown')} {letter['event_id'] or ''}",
        tr("record"): tr(
            "{place}, read by {consumer}",
            place=f"{letter['topic']}/{letter['partition']}@{letter['offset']}",
            consumer=letter["consumer"],
        ),
        tr("set aside"): moment(letter["set_aside_at"]),
        tr("error"): letter["error"] or tr("none: the event waits behind an earlier event of its key"),
        tr("replays"): tr("failed: {count}", count=count(letter["replays"])) if letter["replays"] else None,
    }
    if letter["discarded_at"] is not None:
        facts[tr("discarded")] = tr(
            "{moment} by {person}", moment=moment(letter["discarded_at"]), person=letter["discarded_by"]
        )
        facts[tr("reason")] = letter["discard_reason"]
    return {name: value for name, value in facts.items() if value is not None}


def _content_of(letter: dict[str, Any]) -> str:
    if letter["body_base64"] is None:
        return tr("The content was deleted after 30 days. The letter can only be discarded.")
    if letter["body"] is None:
        return f"{tr('The content is not text. Its bytes in base64:')}\n{letter['body_base64']}"
    try:
        return json.dumps(json.loads(letter["body"]), indent=2, ensure_ascii=False)
    except ValueError:
        return str(letter["body"])


@commands.command()
def replay(
    service: ServiceName,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Replay only the events of this key.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay every waiting event of the service.")] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Apply the waiting events in order, as far as they can be applied.

    Exit code 0 if none of them waits any more.

    Example: recobro dead-letters replay portfolio --all
    """
    if (key is not None) == everything:
        raise typer.BadParameter(tr("use either --key KEY or --all."))
    with connect(DataFolder(data), url) as client:
        outcomes = _replay_all(client, service) if key is None else _replay(client, service, key=key)["keys"]
        refused = [outcome for outcome in outcomes if outcome["waiting"]]
        culprits = client.get(service, "/v1/dead-letters", key=refused[0]["key"], limit=1)["items"] if refused else []
    if as_json:
        print_json({"replayed": sum(outcome["applied"] for outcome in outcomes), "keys": outcomes})
    else:
        _print_outcomes(service, outcomes, refused)
        if culprits:
            which = _which(culprits[0]["key"]) if len(refused) == 1 else "--all"
            _print_next_steps(service, culprits[0]["letter_id"], which, options_of(data, url))
    raise typer.Exit(1 if refused else 0)


def _replay(client: Client, service: str, **what: object) -> Any:
    return client.post(service, "/v1/dead-letters/replay", what)


def _replay_all(client: Client, service: str) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = []
    more = True
    while more:
        answer = _replay(client, service, all=True, after=outcomes[-1]["key"] if outcomes else "")
        outcomes += answer["keys"]
        more = answer["more"]
    return outcomes


def _print_outcomes(service: str, outcomes: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    if not outcomes:
        out.print(tr("No events are waiting in {service}.", service=service))
        return
    applied = count(sum(outcome["applied"] for outcome in outcomes))
    keys = count(len(outcomes))
    rest = "" if refused else " " + tr("None of their events is waiting any more.")
    out.print(tr("Applied: {applied} (keys: {keys}).", applied=applied, keys=keys) + rest)
    for outcome in refused:
        still = count(outcome["waiting"])
        text = tr(
            "{key}: the next event was refused again: {error}. Still waiting: {still}.",
            key=outcome["key"],
            error=outcome["error"],
            still=still,
        )
        out.print(printable(text), markup=False)


@commands.command()
def discard(
    service: ServiceName,
    letter_id: LetterId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The reason; it is stored with your identity.")],
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Discard an event: it will never be applied.

    The events that wait behind it can then be replayed.

    Example: recobro dead-letters discard portfolio 17 --reason "sent twice, see ticket 4711"
    """
    with connect(DataFolder(data), url) as client:
        answer = client.post(service, f"/v1/dead-letters/{letter_id}/discard", {"reason": reason})
    if as_json:
        print_json(answer)
        return
    options = options_of(data, url)
    out.print(tr("{service} will never apply letter {letter_id}.", service=service, letter_id=letter_id))
    if answer["waiting"]:
        out.print(
            tr(
                "Still waiting behind it, of the same key: {events}. To replay:",
                events=count(answer["waiting"]),
            )
        )
        out.print(f"  recobro dead-letters replay {service} {_which(answer['key'])}{options}", markup=False)
    else:
        out.print(printable(tr("No event of {key} is waiting any more.", key=answer["key"])), markup=False)
    out.print(
        tr(
            "{service} may now lack data. Once no event waits, rebuild the data from the other services:",
            service=service,
        )
    )
    out.print(f"  recobro rebuild {service}{options}", markup=False)


def _print_next_steps(service: str, letter_id: int, which: str | None, options: str, *, look: bool = False) -> None:
    ways = {
        tr("Show the first letter"): f"show {service} {letter_id}" if look else None,
        tr("Replay, once a release that can apply the event is deployed"): f"replay {service} {which}"
        if which
        else None,
        tr("Discard the letter"): f"discard {service} {letter_id} --reason TEXT",
    }
    out.print()
    for what, command in ways.items():
        if command is not None:
            out.print(f"{what}:\n  recobro dead-letters {command}{options}", markup=False)


def _which(key: str) -> str:
    # A value that cannot be printed cannot be copied either.
    return f"--key {shlex.quote(key)}" if key.isprintable() else "--all"


def options_of(data: Path, url: str | None) -> str:
    """Return the options with which another command reaches the same platform."""
    if url is not None:
        return f" --url {shlex.quote(url)}"
    return "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"


def moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
