"""``recobro unsent``: the events that the log refused, for the person who must decide about them."""

import json
import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from recobro.client import connect
from recobro.data import DataFolder
from recobro.dead_letters import OneService, ServiceName, items_of, moment, options_of
from recobro.language import tr
from recobro.lookup import named, numbers_of
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    count,
    err,
    out,
    print_json,
    printable,
    show_table,
)

_PATH = "/v1/unsent-events"
UnsentId = Annotated[
    int, typer.Argument(metavar="UNSENT_ID", min=0, help="The number of the event, as recobro unsent list shows it.")
]

commands = typer.Typer(
    no_args_is_help=True, help="Show, retry or discard the events of a service that the log refused."
)


@commands.command("list")
def list_unsent(
    service: OneService = None, data: Data = DEFAULT_DATA, url: Url = None, as_json: AsJson = False
) -> None:
    """List the events that the log refused and those that wait behind them, in every service.

    Exit code 1 if a service did not answer.

    Example: recobro unsent list --service portfolio
    """
    with connect(DataFolder(data), url) as client:
        waiting, troubles = items_of(client, service, _PATH)
        numbers = {} if as_json else numbers_of(client, (item["key"] for item in waiting))
    if as_json:
        print_json(waiting)
    elif waiting:
        _show(waiting, numbers, options_of(data, url))
    elif not troubles:
        out.print(tr("The log has refused no event of {service}.", service=service or tr("any service")))
    for each in troubles:
        err.print(str(each), style="red", markup=False)
    raise typer.Exit(1 if troubles else 0)


def _show(waiting: list[dict[str, Any]], numbers: Mapping[str, str], options: str) -> None:
    table = Table(tr("service"), box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column(tr("event"), justify="right")
    table.add_column(tr("key, type, error"), overflow="fold")
    table.add_column(tr("bytes"), justify="right")
    table.add_column(tr("since"))
    for item in waiting:
        lines = [
            named(item["key"], numbers),
            item["type"],
            item["error"] or tr("waits behind an earlier event of its key"),
        ]
        since = moment(item["set_aside_at"]).replace(" ", "\n", 1)
        text = Text("\n".join(map(printable, lines)))
        table.add_row(item["service"], str(item["unsent_id"]), text, count(item["bytes"]), since)
    show_table(table)
    keys = len({(item["service"], item["lane"], item["key"]) for item in waiting})
    out.print(
        tr(
            "Unsent: {events} (keys: {keys}). No other service knows them.",
            events=count(len(waiting)),
            keys=count(keys),
        )
    )
    out.print(tr("Nobody is called or visited about these contracts until none of their events waits."))
    first = waiting[0]
    _print_next_steps(first["service"], first["unsent_id"], "--all", options, look=True)


@commands.command()
def show(
    service: ServiceName, unsent_id: UnsentId, data: Data = DEFAULT_DATA, url: Url = None, as_json: AsJson = False
) -> None:
    """Show one event that the log refused, with its full content.

    The content may be personal data.

    Example: recobro unsent show portfolio 3
    """
    with connect(DataFolder(data), url) as client:
        event = client.get(service, f"{_PATH}/{unsent_id}")
    if as_json:
        print_json(event)
        return
    facts = {
        tr("event"): f"{event['type']} {event['event_id']}",
        tr("key"): event["key"],
        tr("topic"): event["topic"],
        tr("bytes"): count(event["bytes"]),
        tr("recorded"): moment(event["occurred_at"]),
        tr("set aside"): moment(event["set_aside_at"]),
        tr("error"): event["error"] or tr("none: the event waits behind an earlier event of its key"),
        tr("retries"): tr("refused again: {count}", count=count(event["retries"])) if event["retries"] else None,
        tr("retry"): tr("the relay sends the event again in some seconds") if event["retry_at"] else None,
    }
    if event["discarded_at"] is not None:
        facts[tr("discarded")] = tr(
            "{moment} by {person}", moment=moment(event["discarded_at"]), person=event["discarded_by"]
        )
        facts[tr("reason")] = event["discard_reason"]
    for name, value in facts.items():
        if value is not None:
            out.print(printable(f"{name:<12} {value}"), markup=False)
    out.print("\n" + tr("Content (it may be personal data):"), style="bold")
    out.print("\n".join(map(printable, _content_of(event["body"]).split("\n"))), markup=False)
    if event["discarded_at"] is None:
        which = f"--key {shlex.quote(event['key'])}" if event["key"].isprintable() else "--all"
        _print_next_steps(service, unsent_id, which, options_of(data, url))


def _content_of(body: str | None) -> str:
    if body is None:
        return tr("The content was deleted after 30 days. The event can only be discarded.")
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@commands.command()
def retry(
    service: ServiceName,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only the events of this key.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every unsent event of the service.")] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have the relay send the events again, in their order, as far as the log takes them.

    The relay begins within seconds. recobro unsent list then shows which events are left.

    Example: recobro unsent retry portfolio --all
    """
    if (key is not None) == everything:
        raise typer.BadParameter(tr("use either --key KEY or --all."))
    with connect(DataFolder(data), url) as client:
        answer = client.post(service, f"{_PATH}/retry", {"all": True} if key is None else {"key": key})
    if as_json:
        print_json(answer)
        return
    if not answer["events"]:
        out.print(tr("The log has refused no event of {service}.", service=service))
        return
    out.print(
        tr(
            "The relay of {service} sends these events again: {events}. See what is left:",
            service=service,
            events=count(answer["events"]),
        )
    )
    out.print(f"  recobro unsent list --service {service}{options_of(data, url)}", markup=False)


@commands.command()
def discard(
    service: ServiceName,
    unsent_id: UnsentId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The reason; it is stored with your identity.")],
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Discard an event: it will never be sent.

    The events that wait behind it can then be retried.

    Example: recobro unsent discard portfolio 3 --reason "replaced by a smaller file, see ticket 4711"
    """
    with connect(DataFolder(data), url) as client:
        answer = client.post(service, f"{_PATH}/{unsent_id}/discard", {"reason": reason})
    if as_json:
        print_json(answer)
        return
    options = options_of(data, url)
    out.print(tr("{service} will never send event {unsent_id}.", service=service, unsent_id=unsent_id))
    if answer["waiting"]:
        out.print(
            tr(
                "Still waiting behind it, of the same key: {events}. To send them:",
                events=count(answer["waiting"]),
            )
        )
        key = answer["key"]
        which = f"--key {shlex.quote(key)}" if key.isprintable() else "--all"
        out.print(f"  recobro unsent retry {service} {which}{options}", markup=False)
    out.print(tr("The services that listen to it may now lack data. Once no event waits, rebuild each of them:"))
    out.print(f"  recobro rebuild SERVICE{options}", markup=False)


def _print_next_steps(service: str, unsent_id: int, which: str, options: str, *, look: bool = False) -> None:
    ways = {
        tr("Show the first event"): f"show {service} {unsent_id}" if look else None,
        tr("Send the events again, once the log takes them"): f"retry {service} {which}",
        tr("Discard the event"): f"discard {service} {unsent_id} --reason TEXT",
    }
    out.print()
    for what, command in ways.items():
        if command is not None:
            out.print(f"{what}:\n  recobro unsent {command}{options}", markup=False)
