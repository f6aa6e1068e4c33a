"""``recobro rebuild``: a service hears again what holds from everyone that it listens to."""

import time
from datetime import datetime
from typing import Annotated, Any

import typer

from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.dead_letters import ServiceName, options_of
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, err, out, print_json

_ASK_EVERY_SECONDS = 1.0


def rebuild(
    service: ServiceName,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Ask, and do not wait for its end.")] = False,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have a service told again what holds: when it has lost its place in the log, or an event was given up.

    It goes on serving, but until it has heard everyone no list is published. Ctrl-C ends the waiting, not the
    rebuild; the same command waits for it again. Exit code 0 when it has ended.

    Example: recobro rebuild dialer-feed
    """
    with connect(DataFolder(data), url) as client:
        asked = client.post(service, "/v1/rebuild", {})
        now = asked if no_wait else _ended(client, service, asked)
    if as_json:
        print_json(now)
    elif now["ended_at"] is None:
        out.print(
            f"{service} has asked {', '.join(now['waiting_for'])} to say again what holds. Wait for its end with:"
        )
        out.print(f"  recobro rebuild {service}{options_of(data, url)}", markup=False)
    else:
        took = datetime.fromisoformat(now["ended_at"]) - datetime.fromisoformat(now["requested_at"])
        out.print(f"{service} has heard again what holds; it took {took.total_seconds():.0f} s.")


def _ended(client: Client, service: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The rebuild once it has ended; who is waited for is said whenever that changes."""
    now, said = asked, None
    while now["ended_at"] is None:
        if now["waiting_for"] != said:
            said = now["waiting_for"]
            err.print(f"{service} waits for {', '.join(said)}.")
        time.sleep(_ASK_EVERY_SECONDS)
        now = client.get(service, "/v1/rebuild")
    return now
