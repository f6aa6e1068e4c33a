"""The metrics that the runtime reports, as Prometheus reads them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from recobro_events import Database, TopicPartition
from recobro_events.memory import MemoryTransport
from toy_services import TABLES, Log, Publisher, Running, Scene, outgoing, until


@pytest.fixture
async def scene(new_database: Callable[[], Awaitable[Database]]) -> AsyncIterator[Scene]:
    publisher, transport = Publisher(), MemoryTransport(2)
    publisher_database, subscriber_database = await new_database(), await new_database()
    publisher_database.service = publisher.name
    async with subscriber_database.transaction() as tx:
        await tx.execute(TABLES)
    await transport.ensure_topics([publisher.topic(), f"{publisher.name}.bulk"])
    running = Running()

    async def connect() -> MemoryTransport:
        return transport

    async def drop_before(place: TopicPartition, offset: int) -> None:
        transport.drop_before(place, offset)

    yield Scene(
        Log("memory", connect, drop_before), publisher, publisher_database, subscriber_database, transport, running
    )
    await running.close()


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_consumer_reports_applied_events_waves_and_the_age_of_events(scene: Scene) -> None:
    consumer = {"consumer": "subscriber.events"}
    names = ("events_repeated_total", "events_unknown_total", "consumer_batch_events_sum", "consumer_batch_waves_sum")
    before = {name: value(name, **consumer) for name in names}
    batches_before = value("event_age_at_processing_seconds_count", **consumer)
    contract_id = uuid4()
    known = [outgoing(scene, contract_id, number) for number in range(3)]
    unknown = known[0]._replace(headers={**known[0].headers, "ce_type": "a.b.v9", "ce_id": str(uuid4())})
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([*known, known[1], unknown])
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await until(lambda: has_applied(scene, 3))
    await until(lambda: is_true(value("event_age_at_processing_seconds_count", **consumer) == batches_before + 1))
    assert value("events_applied_total", type=scene.publisher.Paid.type, **consumer) == 3
    grown = {name: value(name, **consumer) - was for name, was in before.items()}
    assert grown == {
        # A copy in the same batch is one event; a copy of an event in an earlier batch is repeated.
        "events_repeated_total": 0,
        "events_unknown_total": 1,
        "consumer_batch_events_sum": 5,
        "consumer_batch_waves_sum": 3,
    }
    await producer.send([known[2], outgoing(scene, contract_id, 3)])
    await until(lambda: has_applied(scene, 4))
    assert value("events_repeated_total", **consumer) == before["events_repeated_total"] + 1


async def test_a_relay_reports_published_and_waiting_events(scene: Scene) -> None:
    labels = {"service": scene.publisher.name, "lane": "events"}
    await scene.publisher.publish(scene.publisher_database, [(uuid4(), n) for n in range(7)])
    async with scene.publisher_database.transaction() as tx:
        await tx.execute("UPDATE outbox_events SET occurred_at = now() - interval '5 minutes'")
    blocker = asyncio.Event()
    original = scene.transport.send  # type: ignore[attr-defined]

    async def wait_first(records: object) -> None:
        await blocker.wait()
        await original(records)

    scene.transport.send = wait_first  # type: ignore[attr-defined]
    scene.relay(heartbeat_seconds=0.05)
    await until(lambda: is_true(value("outbox_oldest_unpublished_seconds", **labels) >= 300))
    assert value("relay_active", **labels) == 1
    blocker.set()
    await until(lambda: is_true(value("events_published_total", **labels) == 7))
    await until(lambda: is_true(value("outbox_oldest_unpublished_seconds", **labels) == 0))
    assert value("event_publish_seconds_count", **labels) == 1
    await scene.running.close()
    assert value("relay_active", **labels) == 0


async def test_a_member_reports_its_partitions_its_lag_and_rebalances(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro_events._subscription.reports.LAG_SECONDS", 0.05)
    rebalances = value("consumer_rebalances_total", consumer="subscriber.events")
    subscriber, held, go_on = scene.subscriber(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        held.set()
        await go_on.wait()

    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await until(lambda: is_true(len(subscription.progress) == 2))
    assert value("consumer_partitions_owned", consumer="subscriber.events") == 2
    subscriber.before_handling = hold
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([outgoing(scene, uuid4(), 0)])
    await asyncio.wait_for(held.wait(), 240)
    await producer.send([outgoing(scene, uuid4(), number) for number in range(1, 10)])
    go_on.set()
    subscriber.before_handling = None
    await until(lambda: has_applied(scene, 10))
    labels = {"consumer": "subscriber.events", "topic": scene.publisher.topic(), "partition": "0"}
    await until(lambda: is_true(REGISTRY.get_sample_value("consumer_position_lag", labels) == 0))
    other = Database(scene.subscriber_database.dsn)
    await other.open()
    scene.running.subscribe(subscriber, other, scene.transport)
    await until(lambda: is_true(value("consumer_rebalances_total", consumer="subscriber.events") == rebalances + 1))
    await scene.running.close()
    await other.close()


async def has_applied(scene: Scene, payments: int) -> bool:
    async with scene.subscriber_database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM applied") == payments  # type: ignore[no-any-return]


async def is_true(condition: bool) -> bool:
    return condition
