"""``recobro outbox``: the events that have not reached the log yet, and whether a relay is at work."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import typer
from recobro_events import COUNTED_ROWS, FROZEN_AFTER_SECONDS, Lane, bulk_sources
from recobro_platform import Service

from recobro import targets
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    count,
    duration,
    err,
    out,
    print_json,
    show_table,
    table_of,
)

_HAS_AGENCIES = "SELECT to_regclass('outbox_agencies') IS NOT NULL"
# pg_locks splits the key of a one-argument advisory lock over classid and objid.
_LOOK = """
SELECT
    (SELECT count(*) FROM (SELECT FROM outbox_{lane} LIMIT {most}) AS waiting) AS events,
    (SELECT count(*) FROM unsent_events WHERE lane = $1 AND discarded_at IS NULL) AS unsent,
    (SELECT extract(epoch FROM clock_timestamp() - occurred_at)::float8
        FROM outbox_{lane} ORDER BY id LIMIT 1) AS oldest_seconds,
    (SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8
        FROM relay_heartbeat WHERE lane = $1) AS beat_seconds,
    EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = hashtextextended('relay:' || $1, 0)) AS is_held
"""


@dataclass(frozen=True)
class Outbox:
    """One lane of one service. Times are ages in seconds. ``events`` is counted up to 100,000.

    ``unsent`` events are not among them: the log refused them, or they wait behind one that it refused.
    """

    service: str
    lane: str
    events: int
    unsent: int
    oldest_seconds: float | None
    relay: Literal["active", "frozen", "none"]
    beat_seconds: float | None


def outbox(
    max_age: Annotated[
        float | None, typer.Option("--max-age", metavar="SECONDS", min=0, help="Exit code 1 if an event is older.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show the events that the relays have not moved to the log yet.

    The command shows their number, the age of the oldest, how many events the log refused, and whether a relay is at
    work. It reads the databases of the platform on DIR, or those that variables such as RECOBRO_PORTFOLIO_DATABASE_URL
    name. Exit code 1 if a database does not answer.

    Example: recobro outbox --max-age 30
    """
    lanes, troubles = asyncio.run(look(targets.find(DataFolder(data))))
    late = [one for one in lanes if max_age is not None and (one.oldest_seconds or 0) > max_age]
    if as_json:
        print_json([asdict(one) for one in lanes])
    else:
        _show(lanes)
        for one in late:
            err.print(
                tr(
                    "{service}, {lane}: the oldest event has waited for {oldest_seconds}.",
                    service=one.service,
                    lane=one.lane,
                    oldest_seconds=duration(one.oldest_seconds or 0),
                ),
                style="red",
            )
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1 if late or troubles else 0)


async def look(chosen: targets.Targets) -> tuple[list[Outbox], list[Trouble]]:
    """Return every lane of the targets, and the errors of databases that did not answer."""
    found, troubles = await targets.of_each(chosen, lanes_of)
    return [one for lanes in found.values() for one in lanes], troubles


async def lanes_of(service: Service, connection: Any) -> list[Outbox]:
    """Return every lane of a service. ``connection`` is a connection to its database."""
    lanes = [Lane.EVENTS]
    lanes += [Lane.BULK] if service.name in bulk_sources() else []
    lanes += [Lane.AGENCIES] if await connection.fetchval(_HAS_AGENCIES) else []
    return [await _lane(service, lane, connection) for lane in lanes]


async def _lane(service: Service, lane: Lane, connection: Any) -> Outbox:
    row = await connection.fetchrow(_LOOK.format(lane=lane, most=COUNTED_ROWS), lane.value)
    beats = (row["beat_seconds"] or 0) <= FROZEN_AFTER_SECONDS
    relay: Literal["active", "frozen", "none"] = "none" if not row["is_held"] else "active" if beats else "frozen"
    ages = (row["oldest_seconds"], relay, row["beat_seconds"])
    return Outbox(service.name, lane.value, row["events"], row["unsent"], *ages)


def _show(lanes: Sequence[Outbox]) -> None:
    table = table_of(tr("service"), tr("lane"), tr("waiting"), tr("oldest"), tr("unsent"), tr("relay"), tr("last beat"))
    for one in lanes:
        waiting = f"{count(one.events)}{'+' if one.events >= COUNTED_ROWS else ''}"
        oldest = "–" if one.oldest_seconds is None else duration(one.oldest_seconds)
        beat = tr("never") if one.beat_seconds is None else tr("{time} ago", time=duration(one.beat_seconds))
        table.add_row(one.service, one.lane, waiting, oldest, count(one.unsent), tr(one.relay), beat)
    show_table(table)
    if unsent := sum(one.unsent for one in lanes):
        out.print(
            tr(
                "The log has refused events; with those behind, {events}: recobro unsent list",
                events=count(unsent),
            )
        )
    idle = [one for one in lanes if one.relay != "active"]
    if idle:
        out.print(
            tr(
                "Lanes that no event leaves, because no relay is active: {lanes}. Is the service running?",
                lanes=count(len(idle)),
            )
        )
