"""A service that publishes (a kitchen) and one that consumes (a table), as small as they can be."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from recobro_events import (
    CannotContinue,
    Consumer,
    Database,
    Event,
    Lane,
    Relay,
    Subscription,
    TopicPartition,
    Transaction,
    Transport,
)
from recobro_events._database.transaction import Row
from recobro_events._ids import new_event_id
from recobro_events._log.envelope import headers_of
from recobro_events._log.transport import GroupMember, OutgoingRecord, Record
from recobro_events.contracts.base import ContractEvent, Envelope

TABLES = """
CREATE TABLE served (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, contract_id uuid NOT NULL,
    number integer NOT NULL, lane text NOT NULL, member text NOT NULL);
CREATE TABLE plate (contract_id uuid PRIMARY KEY, dishes integer NOT NULL);
"""


class Dish(ContractEvent):
    """The ``number``-th dish for this plate."""

    number: int


@dataclass
class Kitchen:
    """A service of its own name, so that its topics are its own, with one event a lane and one it answers with."""

    name: str = field(default_factory=lambda: f"kitchen{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        def event(kind: str, lane: Lane) -> type[Dish]:
            return type(kind, (Dish,), {"__module__": __name__}, type=f"{self.name}.{kind.lower()}.v1", lane=lane)

        self.Served = event("Served", Lane.EVENTS)
        self.Stocked = event("Stocked", Lane.BULK)
        self.Thanked = event("Thanked", Lane.EVENTS)

    def topic(self, lane: Lane = Lane.EVENTS) -> str:
        return f"{self.name}.{lane}"

    async def serve(self, database: Database, dishes: Sequence[tuple[UUID, int]]) -> None:
        """Publish one event a dish, in one transaction."""
        async with database.transaction() as tx:
            tx.publish(*(self.Served(contract_id=plate, number=number) for plate, number in dishes))


class Table:
    """A consumer that notes what it is served, in order, and thanks for it when asked to."""

    def __init__(self, kitchen: Kitchen, *, member: str = "one", thanks: bool = False) -> None:
        self.kitchen = kitchen
        self.groups: list[list[Event]] = []
        self.before_handling: Callable[[], Awaitable[None]] | None = None
        self.consumer = Consumer("table", listens_to=(kitchen.name,))
        self._member = member
        self._thanks = thanks
        self.consumer.on(kitchen.Served)(self._serve)
        self.consumer.on(kitchen.Stocked)(self._serve)

    async def _serve(self, dishes: Sequence[Dish], tx: Transaction) -> None:
        self.groups.append(list(dishes))
        if self.before_handling is not None:
            await self.before_handling()
        await tx.execute(
            "INSERT INTO served (event_id, contract_id, number, lane, member)"
            " SELECT *, $4, $5 FROM unnest($1::uuid[], $2::uuid[], $3::integer[])",
            [dish.event_id for dish in dishes],
            [dish.contract_id for dish in dishes],
            [dish.number for dish in dishes],
            type(dishes[0]).lane.value,
            self._member,
        )
        await tx.execute(
            "INSERT INTO plate SELECT plate, 1 FROM unnest($1::uuid[]) AS plate ORDER BY plate"
            " ON CONFLICT (contract_id) DO UPDATE SET dishes = plate.dishes + 1",
            [dish.contract_id for dish in dishes],
        )
        if self._thanks:
            for dish in dishes:
                tx.publish(self.kitchen.Thanked(contract_id=dish.contract_id, number=dish.number), cause=dish)

    async def served(self, database: Database) -> list[Row]:
        async with database.connection() as connection:
            return await connection.fetch("SELECT * FROM served ORDER BY n")  # type: ignore[no-any-return]

    async def count(self, database: Database, lane: Lane = Lane.EVENTS) -> int:
        async with database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM served WHERE lane = $1", lane.value)  # type: ignore[no-any-return]


class Running:
    """Relays and subscriptions that are stopped, or killed, at the end of a test."""

    def __init__(self) -> None:
        self._relays: list[tuple[Relay, asyncio.Task[None]]] = []
        self._subscriptions: list[tuple[Subscription, asyncio.Task[None]]] = []

    def relay(self, database: Database, transport: Transport, lane: Lane = Lane.EVENTS, **limits: Any) -> Relay:
        relay = Relay(lane, database, transport, **limits)
        self._relays.append((relay, asyncio.create_task(relay.run())))
        return relay

    def subscribe(
        self, table: Table, database: Database, transport: Transport, lane: Lane = Lane.EVENTS, **limits: Any
    ) -> tuple[Subscription, asyncio.Task[None]]:
        database.service = "table"
        database.partitions = {Lane.EVENTS: 4}
        subscription = Subscription(table.consumer, lane, database, transport, **limits)
        task = asyncio.create_task(subscription.run())
        self._subscriptions.append((subscription, task))
        return subscription, task

    async def stop(self, subscription: Subscription) -> None:
        await subscription.stop()
        for known, task in self._subscriptions:
            if known is subscription:
                await asyncio.wait({task}, timeout=30)

    async def close(self) -> None:
        for relay, _ in self._relays:
            relay.stop()
        await asyncio.gather(*(subscription.stop() for subscription, _ in self._subscriptions))
        tasks = [task for _, task in self._relays] + [task for _, task in self._subscriptions]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=30)
            for task in late:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                # One that cannot continue has said so to its test; anything else is a defect.
                if isinstance(outcome, Exception) and not isinstance(outcome, CannotContinue):
                    raise outcome


@dataclass(frozen=True)
class Log:
    """A log under test: ``connect`` opens it as another process would, ``drop_before`` is its retention.

    ``address`` lets another process reach it: empty for the log in memory, which no other process can.
    """

    name: str
    connect: Callable[[], Awaitable[Transport]]
    drop_before: Callable[[TopicPartition, int], Awaitable[None]]
    address: str = ""


@dataclass
class Scene:
    """A kitchen and a table over a log: their databases, and what runs."""

    log: Log
    kitchen: Kitchen
    kitchen_database: Database
    table_database: Database
    transport: Transport
    running: Running

    def relay(self, **limits: Any) -> None:
        self.running.relay(self.kitchen_database, self.transport, **limits)

    def table(self, *, member: str = "one", thanks: bool = False) -> Table:
        return Table(self.kitchen, member=member, thanks=thanks)


def outgoing(scene: Scene, plate: UUID, number: int, event_id: UUID | None = None) -> OutgoingRecord:
    event = scene.kitchen.Served(contract_id=plate, number=number)
    envelope = Envelope(
        event_id=event_id or new_event_id(),
        type=scene.kitchen.Served.type,
        source=scene.kitchen.name,
        occurred_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        key=event.key,
    )
    return OutgoingRecord(scene.kitchen.topic(), event.key, event.body().encode(), headers_of(envelope), 0)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until the coroutine function ``condition`` says true; ``TimeoutError`` when it never does."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what a database holds is no asyncio.Event
            await asyncio.sleep(0.02)


class Reader:
    """Reads a topic from its start, with no position anywhere."""

    def __init__(self) -> None:
        self.places: set[TopicPartition] = set()
        self.ready = asyncio.Event()

    async def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        self.places |= set(partitions)
        self.ready.set()

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        self.places -= set(partitions)


async def read_all(scene: Scene, topics: Sequence[str], at_least_records: int) -> list[Record]:
    """What stands in these topics, once there are that many records."""
    reader = Reader()
    member: GroupMember = await scene.transport.join(f"reader-{uuid.uuid4()}", topics, reader)
    records: list[Record] = []
    async with asyncio.timeout(60):
        await reader.ready.wait()
        for place in reader.places:
            member.seek(place, 0)
        while len(records) < at_least_records:
            records += await member.poll(reader.places, max_records=1000, timeout_seconds=0.5)
    await member.leave()
    return records
