"""``recobro lag``: how far each service has read the events of the others."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from recobro_events import Bounds, Lane, TopicPartition, Transport
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
from recobro.topics import partitions_of

_POSITIONS = "SELECT consumer, topic, partition, next_offset FROM consumer_position"
Positions = Mapping[tuple[str, str], Mapping[int, int]]
"""The next offset of each partition, by consumer and topic."""


@dataclass(frozen=True)
class Partition:
    """``position`` is the next offset to read; the log holds ``start`` to ``end`` − 1."""

    partition: int
    position: int
    start: int
    end: int

    @property
    def lag(self) -> int:
        return max(self.end - self.position, 0)

    @property
    def is_lost(self) -> bool:
        return not self.start <= self.position <= self.end


@dataclass(frozen=True)
class Reading:
    """One consumer on one topic. ``partitions`` is empty if the topic does not exist."""

    consumer: str
    topic: str
    partitions: tuple[Partition, ...]

    @property
    def position(self) -> int:
        return sum(one.position for one in self.partitions)

    @property
    def end(self) -> int:
        return sum(one.end for one in self.partitions)

    @property
    def lag(self) -> int:
        return sum(one.lag for one in self.partitions)

    @property
    def behind(self) -> int:
        return sum(one.lag > 0 for one in self.partitions)

    @property
    def lost(self) -> list[int]:
        """The partitions that no longer hold the consumer's next record."""
        return [one.partition for one in self.partitions if one.is_lost]

    def as_json(self) -> dict[str, Any]:
        totals = {"position": self.position, "end": self.end, "lag": self.lag, "partitions_behind": self.behind}
        return {**asdict(self), **totals, "partitions_lost": self.lost}


def lag(
    max_lag: Annotated[
        int | None, typer.Option("--max-lag", metavar="N", min=0, help="Exit code 1 if a consumer is further behind.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show how far each service has read the others' events.

    The consumers that are furthest behind come first. Exit code 1 if a database does not answer, or if the log no
    longer holds the next record of a service.

    Example: recobro lag --max-lag 1000
    """
    readings, troubles = asyncio.run(look(targets.find(DataFolder(data))))
    if as_json:
        print_json([one.as_json() for one in readings])
    else:
        _show(readings)
    missing = sorted({one.topic for one in readings if not one.partitions})
    if missing:
        err.print(
            tr("There is no {missing}. Create the missing topics: recobro topics create", missing=", ".join(missing)),
            style="red",
        )
    lost = {one.consumer: what_is_lost(one.consumer, readings) for one in readings if one.lost}
    for consumer, sentence in lost.items():
        err.print(f"{consumer}: {sentence}", style="red")
    for trouble in troubles:
        err.print(str(trouble), style="red", markup=False)
    far = [one for one in readings if max_lag is not None and one.lag > max_lag]
    raise typer.Exit(1 if far or missing or lost or troubles else 0)


def what_is_lost(consumer: str, readings: Sequence[Reading]) -> str:
    """Return a sentence on where a consumer cannot continue reading, and what to do."""
    topics = ", ".join(sorted(one.topic for one in readings if one.consumer == consumer and one.lost))
    service = consumer.rpartition(".")[0]
    return tr(
        "the consumer cannot continue: its next events are gone from {topics}. Run: recobro rebuild {service}",
        topics=topics,
        service=service,
    )


async def look(chosen: targets.Targets) -> tuple[list[Reading], list[Trouble]]:
    """Return every consumer on every topic, furthest behind first, and the errors of databases."""
    found, troubles = await targets.of_each(chosen, _positions)
    positions = {place: offsets for of_one in found.values() for place, offsets in of_one.items()}
    async with chosen.log() as transport:
        counts = await partitions_of(transport, sorted({topic for _, topic in positions}))
        bounds = await _bounds(transport, counts)
    readings = [_reading(consumer, topic, offsets, bounds) for (consumer, topic), offsets in positions.items()]
    return sorted(readings, key=lambda one: (-one.lag, one.consumer, one.topic)), troubles


async def _positions(service: Service, connection: Any) -> Positions:
    """Return the stored positions, and an empty one for each topic that every service reads but has no position for."""
    topics = [f"{one.name}.{Lane.EVENTS}" for one in SERVICES if one != service]
    found: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(
        dict, {(f"{service.name}.{Lane.EVENTS}", topic): {} for topic in topics}
    )
    for row in await connection.fetch(_POSITIONS):
        found[row["consumer"], row["topic"]][row["partition"]] = row["next_offset"]
    return found


async def _bounds(transport: Transport, counts: Mapping[str, int]) -> Mapping[TopicPartition, Bounds]:
    """Return what each partition holds.

    Only members of a group can ask for this, so this joins a group of its own, which reads nothing.
    """
    if not counts:
        return {}
    member = await transport.join(f"recobro.lag.{uuid.uuid4()}", counts, _Onlooker())
    try:
        return await member.bounds(
            [TopicPartition(topic, n) for topic, number in counts.items() for n in range(number)]
        )
    finally:
        await member.leave()


class _Onlooker:
    """A group member that ignores the partitions that it is assigned."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> None: ...

    async def revoked(self, partitions: Collection[TopicPartition]) -> None: ...


def _reading(consumer: str, topic: str, offsets: Mapping[int, int], bounds: Mapping[TopicPartition, Bounds]) -> Reading:
    here = {place.partition: held for place, held in bounds.items() if place.topic == topic}
    partitions = (Partition(n, offsets.get(n, 0), held.start, held.end) for n, held in sorted(here.items()))
    return Reading(consumer, topic, tuple(partitions))


def _show(readings: Sequence[Reading]) -> None:
    behind = [one for one in readings if one.lag]
    if behind:
        table = table_of(tr("consumer"), tr("topic"), tr("position"), tr("end"), tr("lag"), tr("behind"))
        for one in behind:
            figures = (
                count(one.position),
                count(one.end),
                count(one.lag),
                tr("{some} of {all}", some=one.behind, all=len(one.partitions)),
            )
            table.add_row(one.consumer, one.topic, *figures)
        table.columns[1].justify = "left"
        show_table(table)
    others = sum(bool(one.partitions) and not one.lag and not one.lost for one in readings)
    if others == len(readings):
        out.print(tr("Every service has read all events."))
    elif others:
        out.print(
            tr(
                "Readings of a topic that are up to date: {others} of {readings}.",
                others=others,
                readings=count(len(readings)),
            )
        )
