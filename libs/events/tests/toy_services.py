"""Two small services for tests: `Publisher` publishes payments, `Subscriber` stores them in the order of arrival."""

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
CREATE TABLE applied (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, contract_id uuid NOT NULL,
    number integer NOT NULL, lane text NOT NULL, member text NOT NULL);
CREATE TABLE contract (contract_id uuid PRIMARY KEY, payments integer NOT NULL);
"""


class Payment(ContractEvent):
    """The ``number``-th payment for this contract; a long ``note`` makes a large event."""

    number: int
    note: str = ""


@dataclass
class Publisher:
    """A service with a unique name, so that tests share no topic. One event type a lane, one for answers."""

    name: str = field(default_factory=lambda: f"publisher{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        def event(kind: str, lane: Lane) -> type[Payment]:
            return type(kind, (Payment,), {"__module__": __name__}, type=f"{self.name}.{kind.lower()}.v1", lane=lane)

        self.Paid = event("Paid", Lane.EVENTS)
        self.Loaded = event("Loaded", Lane.BULK)
        self.Answered = event("Answered", Lane.EVENTS)

    def topic(self, lane: Lane = Lane.EVENTS) -> str:
        return f"{self.name}.{lane}"

    async def publish(self, database: Database, payments: Sequence[tuple[UUID, int]]) -> None:
        """Publish an event for each pair of contract and number, in one transaction."""
        async with database.transaction() as tx:
            tx.publish(*(self.Paid(contract_id=contract_id, number=number) for contract_id, number in payments))


class Subscriber:
    """A consumer that stores the payments that it applies, in order. ``answers``: it publishes an event for each."""

    def __init__(self, publisher: Publisher, *, member: str = "one", answers: bool = False) -> None:
        self.publisher = publisher
        self.groups: list[list[Event]] = []
        self.before_handling: Callable[[], Awaitable[None]] | None = None
        self.consumer = Consumer("subscriber", listens_to=(publisher.name,))
        self._member = member
        self._answers = answers
        self.consumer.on(publisher.Paid)(self._apply)
        self.consumer.on(publisher.Loaded)(self._apply)

    async def _apply(self, payments: Sequence[Payment], tx: Transaction) -> None:
        self.groups.append(list(payments))
        if self.before_handling is not None:
            await self.before_handling()
        await tx.execute(
            "INSERT INTO applied (event_id, contract_id, number, lane, member)"
            " SELECT *, $4, $5 FROM unnest($1::uuid[], $2::uuid[], $3::integer[])",
            [payment.event_id for payment in payments],
            [payment.contract_id for payment in payments],
            [payment.number for payment in payments],
            type(payments[0]).lane.value,
            self._member,
        )
        await tx.execute(
            "INSERT INTO contract SELECT contract_id, 1 FROM unnest($1::uuid[]) AS contract_id ORDER BY contract_id"
            " ON CONFLICT (contract_id) DO UPDATE SET payments = contract.payments + 1",
            [payment.contract_id for payment in payments],
        )
        if self._answers:
            for payment in payments:
                answer = self.publisher.Answered(contract_id=payment.contract_id, number=payment.number)
                tx.publish(answer, cause=payment)

    async def applied(self, database: Database) -> list[Row]:
        async with database.connection() as connection:
            return await connection.fetch("SELECT * FROM applied ORDER BY n")  # type: ignore[no-any-return]

    async def count(self, database: Database, lane: Lane = Lane.EVENTS) -> int:
        async with database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM applied WHERE lane = $1", lane.value)  # type: ignore[no-any-return]


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
        self, subscriber: Subscriber, database: Database, transport: Transport, lane: Lane = Lane.EVENTS, **limits: Any
    ) -> tuple[Subscription, asyncio.Task[None]]:
        database.service = "subscriber"
        database.partitions = {Lane.EVENTS: 4}
        subscription = Subscription(subscriber.consumer, lane, database, transport, **limits)
        task = asyncio.create_task(subscription.run())
        self._subscriptions.append((subscription, task))
        return subscription, task

    async def stop(self, subscription: Subscription) -> None:
        await subscription.stop()
        for known, task in self._subscriptions:
            if known is subscription:
                await asyncio.wait({task}, timeout=240)

    async def close(self) -> None:
        for relay, _ in self._relays:
            relay.stop()
        await asyncio.gather(*(subscription.stop() for subscription, _ in self._subscriptions))
        tasks = [task for _, task in self._relays] + [task for _, task in self._subscriptions]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=240)
            for task in late:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                # A test expects ``CannotContinue`` from its subscription; any other error is a defect.
                if isinstance(outcome, Exception) and not isinstance(outcome, CannotContinue):
                    raise outcome


@dataclass(frozen=True)
class Log:
    """A log under test: ``connect`` opens it as another process would, ``drop_before`` stands for its retention.

    ``address`` lets another process connect. It is empty for the log in memory, which no other process can reach.
    """

    name: str
    connect: Callable[[], Awaitable[Transport]]
    drop_before: Callable[[TopicPartition, int], Awaitable[None]]
    address: str = ""


@dataclass
class Scene:
    """A publisher and a subscriber, their databases, the log between them, and the relays and subscriptions."""

    log: Log
    publisher: Publisher
    publisher_database: Database
    subscriber_database: Database
    transport: Transport
    running: Running

    def relay(self, **limits: Any) -> None:
        self.running.relay(self.publisher_database, self.transport, **limits)

    def subscriber(self, *, member: str = "one", answers: bool = False) -> Subscriber:
        return Subscriber(self.publisher, member=member, answers=answers)


def outgoing(scene: Scene, contract_id: UUID, number: int, event_id: UUID | None = None) -> OutgoingRecord:
    event = scene.publisher.Paid(contract_id=contract_id, number=number)
    envelope = Envelope(
        event_id=event_id or new_event_id(),
        type=scene.publisher.Paid.type,
        source=scene.publisher.name,
        occurred_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        key=event.key,
    )
    return OutgoingRecord(scene.publisher.topic(), event.key, event.body().encode(), headers_of(envelope), 0)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 240) -> None:
    """Wait until ``await condition()`` is true; ``TimeoutError`` after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - a database sets no asyncio.Event
            await asyncio.sleep(0.02)


class TopicReader:
    """A group member's listener that only collects the partitions assigned to it; no position is stored."""

    def __init__(self) -> None:
        self.places: set[TopicPartition] = set()
        self.ready = asyncio.Event()

    async def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        self.places |= set(partitions)
        self.ready.set()

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        self.places -= set(partitions)


async def read_all(scene: Scene, topics: Sequence[str], at_least_records: int) -> list[Record]:
    """All records of these topics; waits until there are ``at_least_records``."""
    reader = TopicReader()
    member: GroupMember = await scene.transport.join(f"reader-{uuid.uuid4()}", topics, reader)
    records: list[Record] = []
    async with asyncio.timeout(240):
        await reader.ready.wait()
        for place in reader.places:
            member.seek(place, 0)
        while len(records) < at_least_records:
            records += await member.poll(reader.places, max_records=1000, timeout_seconds=0.5)
    await member.leave()
    return records
