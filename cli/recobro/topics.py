"""``recobro topics``: the topics that the log needs before events can go through it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal, NoReturn
from uuid import UUID

import typer
from recobro_events import Lane, Transport, TransportError, bulk_sources
from recobro_events.contracts.agency import AgencyRegistered
from recobro_platform import SERVICES, Service

from recobro import targets
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    count,
    err,
    out,
    print_json,
    show_table,
    table_of,
)

_ALL_AGENCIES = "SELECT agency_id FROM agency ORDER BY created_at, agency_id"

commands = typer.Typer(no_args_is_help=True, help="Check or create the topics of the log.")
Partitions = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=1000, help="Partitions of each topic; default: RECOBRO_PARTITIONS, else 12."),
]


@dataclass(frozen=True)
class Topic:
    """A topic that the log needs. ``partitions`` is null if the topic is missing.

    ``differs`` holds the Kafka settings of the topic that are too low, each with its present and its proper value.
    """

    topic: str
    partitions: int | None
    expected: int
    differs: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def outcome(self) -> Literal["ok", "missing", "different"]:
        if self.partitions is None:
            return "missing"
        return "ok" if self.partitions == self.expected and not self.differs else "different"


@commands.command()
def check(partitions: Partitions = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the topics that the log needs and those that it has.

    Exit code 1 if a topic is missing or different. The topics of agencies are read from the assignment database, if
    that database is among the targets.

    Example: recobro topics check --partitions 12
    """
    found, troubles = asyncio.run(look(targets.find(DataFolder(data)), partitions))
    _print_and_exit(found, troubles, as_json=as_json)


@commands.command()
def create(partitions: Partitions = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Create the topics that are missing. Safe to run twice.

    Existing topics stay as they are. A topic keeps its number of partitions for ever, so choose the number first. More
    partitions let more processes share the work. If services must not create topics (RECOBRO_CREATE_TOPICS=false), run
    this again for every new agency.

    Example: recobro topics create --partitions 12
    """
    made, after, troubles = asyncio.run(_created(targets.find(DataFolder(data)), partitions))
    if not as_json:
        out.print(tr("Topics created: {topics}.", topics=count(made)) if made else tr("No topic was missing."))
    _print_and_exit(after, troubles, as_json=as_json)


def service_topics() -> set[str]:
    """Return the topics through which the services exchange events."""
    names = {one.name for one in SERVICES}
    return {f"{name}.{Lane.EVENTS}" for name in names} | {f"{name}.{Lane.BULK}" for name in names & bulk_sources()}


async def look(chosen: targets.Targets, partitions: int | None = None) -> tuple[list[Topic], list[Trouble]]:
    """Return every topic that the log needs, the agencies' last, and the error of the database that knows them."""
    agencies, troubles = await targets.of_each(chosen, _agencies)
    names = sorted(service_topics()) + [name for of_one in agencies.values() for name in of_one]
    expected = partitions or chosen.log_settings().partitions
    async with chosen.log() as transport:
        existing = await partitions_of(transport, names)
        too_low = await _settings_too_low(transport, existing)
    return [Topic(name, existing.get(name), expected, too_low.get(name, {})) for name in names], troubles


async def _created(chosen: targets.Targets, partitions: int | None) -> tuple[int, list[Topic], list[Trouble]]:
    before, troubles = await look(chosen, partitions)
    missing = [one.topic for one in before if one.partitions is None]
    async with chosen.log(create_topics=True, partitions=partitions) as transport:
        made = await transport.ensure_topics(missing) if missing else {}
    after = [replace(one, partitions=made.get(one.topic, one.partitions)) for one in before]
    return len(missing), after, troubles


async def _agencies(service: Service, connection: Any) -> list[str]:
    """Return the topics of the agencies if the service is assignment, else none."""
    if service.name != "assignment":
        return []
    ids: list[UUID] = [row["agency_id"] for row in await connection.fetch(_ALL_AGENCIES)]
    return [AgencyRegistered(agency_id=one).topic for one in ids]


async def _settings_too_low(transport: Transport, topics: Collection[str]) -> dict[str, dict[str, tuple[int, int]]]:
    """Return, by topic, the Kafka settings that are too low. The embedded log has no such settings."""
    from recobro_events.kafka import KafkaTransport

    if not topics or not isinstance(transport, KafkaTransport):
        return {}
    found, wanted = await transport.topic_settings(topics)
    good = asdict(wanted)
    return {
        topic: {name: (is_, good[name]) for name, is_ in asdict(kept).items() if is_ < good[name]}
        for topic, kept in found.items()
    }


async def partitions_of(transport: Transport, topics: Collection[str]) -> dict[str, int]:
    """Return the number of partitions of each existing topic. Raises ``TransportError`` if the log does not answer."""
    found: dict[str, int] = {}
    for topic in topics:
        try:
            found[topic] = await _partitions_of_one(transport, topic)
        except TransportError as error:
            # An error that the log itself answered has no other error as its cause.
            if error.__cause__ is not None:
                raise
    return found


async def _partitions_of_one(transport: Transport, topic: str) -> int:
    from recobro_events.postgres import PostgresTransport

    if isinstance(transport, PostgresTransport):
        return await transport.partitions(topic)
    return (await transport.ensure_topics([topic]))[topic]


def _print_and_exit(found: Sequence[Topic], troubles: Sequence[Trouble], *, as_json: bool) -> NoReturn:
    """Print the topics and exit, with code 1 if something is wrong."""
    if as_json:
        print_json([{**asdict(one), "outcome": one.outcome} for one in found])
    else:
        _show(found)
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1 if troubles or any(one.outcome != "ok" for one in found) else 0)


def _show(found: Sequence[Topic]) -> None:
    table = table_of(tr("topic"), tr("partitions"), "")
    for one in found:
        table.add_row(one.topic, "–" if one.partitions is None else count(one.partitions), tr(one.outcome))
    show_table(table)
    if missing := sum(one.outcome == "missing" for one in found):
        err.print(
            tr("Missing topics: {topics}. Create them: recobro topics create", topics=count(missing)),
            style="red",
        )
    for one in found:
        for name, (is_, good) in one.differs.items():
            err.print(
                tr(
                    "{topic}: {name} is {present}, and should be {good}.",
                    topic=one.topic,
                    name=name,
                    present=is_,
                    good=good,
                ),
                style="red",
                markup=False,
            )
    if different := sum(one.partitions not in (None, one.expected) for one in found):
        err.print(
            tr(
                "Topics without {expected} partitions: {topics}.",
                topics=count(different),
                expected=found[0].expected,
            ),
            style="red",
        )
        err.print(tr("Set --partitions or RECOBRO_PARTITIONS to the number that the topics have."))
        err.print(tr("A topic must keep its number of partitions, or events of a contract lose order."))
