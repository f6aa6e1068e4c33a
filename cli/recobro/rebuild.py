"""``recobro rebuild``: rebuilds a service's data from the services that it reads."""

import time
from datetime import datetime
from typing import Annotated, Any

import typer

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.dead_letters import ServiceName, options_of
from recobro.language import tr
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, err, out, print_json

_ASK_EVERY_SECONDS = 1.0


def rebuild(
    service: ServiceName,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Request the rebuild and do not wait for its end.")
    ] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild a service's data from what the other services republish.

    Use it if the service has lost its position in the log, or if an event was discarded. The service keeps serving, but
    no list is published until every source has republished. Ctrl-C ends the waiting, not the rebuild; run the command
    again to wait again. Exit code 0 when the rebuild has ended.

    Example: recobro rebuild dialer-feed
    """
    with connect(DataFolder(data), url) as client:
        asked = client.post(service, "/v1/rebuild", {})
        now = asked if no_wait else _ended(client, service, asked)
    if as_json:
        print_json(now)
    elif now["ended_at"] is None:
        out.print(
            tr(
                "{service} has asked {waiting_for} to republish. To wait for the end of the rebuild:",
                service=service,
                waiting_for=", ".join(now["waiting_for"]),
            )
        )
        out.print(f"  recobro rebuild {service}{options_of(data, url)}", markup=False)
    else:
        took = datetime.fromisoformat(now["ended_at"]) - datetime.fromisoformat(now["requested_at"])
        out.print(
            tr("{service} is rebuilt; the rebuild took {took} s.", service=service, took=f"{took.total_seconds():.0f}")
        )


def _ended(client: Client, service: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Wait for the rebuild to end and return it. Prints the awaited sources whenever they change."""
    now, printed = asked, None
    while now["ended_at"] is None:
        if now["waiting_for"] != printed:
            printed = now["waiting_for"]
            err.print(tr("{service} waits for {printed}.", service=service, printed=", ".join(printed)))
        time.sleep(_ASK_EVERY_SECONDS)
        now = client.get(service, "/v1/rebuild")
    return now
