"""An event that the log refuses is set aside with those of its key that follow; everything else goes on."""

import random
import string
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from recobro_events import (
    MAX_EVENT_BYTES,
    MAX_RECORD_BYTES,
    Lane,
    OutgoingRecord,
    RecordRefused,
    TooManySetAside,
    unsent,
)
from recobro_events._database.transaction import Row
from recobro_events._outbox.setting_aside import MOST_KEYS
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from toy_services import Payment, Scene, Subscriber, read_all, until


def filled(payment: type[Payment], contract_id: UUID, number: int, size: int) -> Payment:
    """An event of this size, which no compression makes much smaller."""
    empty = payment(contract_id=contract_id, number=number)
    room = size - len(empty.body()) - 2 * len(empty.key)
    note = "".join(random.choices(string.ascii_letters + string.digits, k=room))
    return payment(contract_id=contract_id, number=number, note=note)


async def publish(scene: Scene, *events: Payment) -> None:
    async with scene.publisher_database.transaction() as tx:
        tx.publish(*events)


async def publish_too_large(scene: Scene, contract_id: UUID, number: int, lane: Lane = Lane.EVENTS) -> None:
    payment = scene.publisher.Paid if lane is Lane.EVENTS else scene.publisher.Loaded
    event = filled(payment, contract_id, number, MAX_RECORD_BYTES + 1000)
    async with scene.publisher_database.transaction() as tx:
        # An earlier release wrote events of any size.
        await tx.execute("SET LOCAL session_replication_role = replica")
        insert = f"INSERT INTO outbox_{lane} (type, key, body) VALUES ($1, $2, $3)"
        await tx.execute(insert, payment.type, event.key, event.body())
        tx.wrote_outbox(lane)


async def rows(scene: Scene) -> list[Row]:
    async with scene.publisher_database.connection() as connection:
        return list(await unsent.events(connection))


async def numbers(subscriber: Subscriber, scene: Scene, contract_id: UUID) -> list[int]:
    applied = await subscriber.applied(scene.subscriber_database)
    return [row["number"] for row in applied if row["contract_id"] == contract_id]


async def outbox_is_empty(scene: Scene) -> bool:
    async with scene.publisher_database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox_events") == 0  # type: ignore[no-any-return]


async def test_the_largest_event_reaches_its_consumer(scene: Scene) -> None:
    subscriber, contract_id = scene.subscriber(), uuid4()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    scene.relay()
    largest = filled(scene.publisher.Paid, contract_id, 2, MAX_EVENT_BYTES)
    for event in (scene.publisher.Paid(contract_id=contract_id, number=1), largest):
        async with scene.publisher_database.transaction() as tx:
            tx.publish(event)

    async def applied() -> bool:
        return await numbers(subscriber, scene, contract_id) == [1, 2]

    await until(applied)
    assert await rows(scene) == []


async def test_no_log_takes_a_record_above_the_limit_or_for_a_partition_that_is_not_there(scene: Scene) -> None:
    producer = await scene.transport.producer(linger_ms=0)
    small = OutgoingRecord(scene.publisher.topic(), "k", b"{}", {"ce_id": "1"}, 0)
    # What is counted beside the value: the key, the header, and what a log adds to them at most.
    largest = small._replace(value=random.randbytes(MAX_RECORD_BYTES - 145))
    with pytest.raises(RecordRefused, match=f"has {MAX_RECORD_BYTES + 1} bytes, and the log takes {MAX_RECORD_BYTES}"):
        await producer.send([small, largest._replace(value=largest.value + b"x")])
    with pytest.raises(RecordRefused, match="has no partition 4, only 4"):
        await producer.send([small, small._replace(partition=4)])
    with pytest.raises(RecordRefused, match="bytes, and the log takes"):
        await producer.send([small, small._replace(headers={"ce_subject": "x" * MAX_RECORD_BYTES}, key="x" * 200_000)])
    await producer.send([small])
    assert len(await read_all(scene, [scene.publisher.topic()], 1)) == 1, (
        "nothing of a batch that is refused is written"
    )
    await producer.close()


@pytest.mark.parametrize("lane", [Lane.EVENTS, Lane.BULK])
async def test_events_of_the_key_wait_and_all_others_go_on(scene: Scene, lane: Lane) -> None:
    refused, other = uuid4(), uuid4()
    payment = scene.publisher.Paid if lane is Lane.EVENTS else scene.publisher.Loaded
    await publish(scene, payment(contract_id=refused, number=1), payment(contract_id=other, number=1))
    await publish_too_large(scene, refused, 2, lane)
    await publish(scene, payment(contract_id=other, number=2), payment(contract_id=refused, number=3))
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport, lane)
    scene.running.relay(scene.publisher_database, scene.transport, lane)

    async def others_applied() -> bool:
        return await numbers(subscriber, scene, other) == [1, 2] and len(await rows(scene)) == 2

    await until(others_applied)
    await publish(scene, payment(contract_id=refused, number=4), payment(contract_id=other, number=3))

    async def last_applied() -> bool:
        return await numbers(subscriber, scene, other) == [1, 2, 3] and len(await rows(scene)) == 3

    await until(last_applied)
    assert await numbers(subscriber, scene, refused) == [1]
    first, *waiting = await rows(scene)
    assert (first["key"], first["lane"], first["type"]) == (str(refused), lane.value, payment.type)
    assert first["bytes"] > MAX_EVENT_BYTES
    assert first["error"] == f"the record has {first['error'].split()[3]} bytes, and the log takes {MAX_RECORD_BYTES}"
    assert [row["error"] for row in waiting] == [None, None]


async def test_every_service_learns_of_it_at_the_place_of_the_event(scene: Scene) -> None:
    """A marker that lies behind the refused event, such as a barrier's, must not arrive without the news."""
    contract_id = uuid4()
    await publish(scene, scene.publisher.Paid(contract_id=contract_id, number=1))
    await publish_too_large(scene, contract_id, 2)
    await publish(scene, *(scene.publisher.Paid(contract_id=uuid4(), number=9) for _ in range(20)))
    scene.relay()
    await until(lambda: outbox_is_empty(scene))
    records = await read_all(scene, [scene.publisher.topic()], 22)
    [statement] = [record for record in records if record.headers["ce_type"] == ContractSetAside.type]
    event = ContractSetAside.model_validate_json(statement.value)
    assert (event.contract_id, event.service) == (contract_id, scene.publisher.topic())
    partition = [record for record in records if record.partition == statement.partition]
    before = [record.headers["ce_subject"] for record in partition[: partition.index(statement)]]
    assert before == [str(contract_id)], "all others are behind it"


async def test_a_retry_sends_the_events_of_the_key_in_their_order(scene: Scene) -> None:
    contract_id, subscriber = uuid4(), scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await publish_too_large(scene, contract_id, 1)
    await publish(scene, *(scene.publisher.Paid(contract_id=contract_id, number=number) for number in range(2, 30)))
    scene.relay(heartbeat_seconds=0.05)
    await until(lambda: is_true(scene, 29))
    await retry(scene, str(contract_id))
    await until(lambda: refused_again(scene))
    assert await numbers(subscriber, scene, contract_id) == []

    small = scene.publisher.Paid(contract_id=contract_id, number=1)
    async with scene.publisher_database.transaction() as tx:
        await tx.execute("UPDATE unsent_events SET body = $1 WHERE error IS NOT NULL", small.body())
        tx.publish(scene.publisher.Paid(contract_id=contract_id, number=30))
    await retry(scene, None)

    async def applied() -> bool:
        return len(await numbers(subscriber, scene, contract_id)) == 30

    await until(applied)
    assert await numbers(subscriber, scene, contract_id) == list(range(1, 31))

    async def settled() -> bool:
        return await rows(scene) == []

    await until(settled)
    records = await read_all(scene, [scene.publisher.topic()], 32)
    kinds = [r.headers["ce_type"] for r in records if r.headers["ce_subject"] == str(contract_id)]
    assert kinds[0] == ContractSetAside.type
    assert kinds.count(ContractReplayed.type) == 1
    assert kinds.index(ContractReplayed.type) > 28


async def retry(scene: Scene, key: str | None) -> None:
    async with scene.publisher_database.transaction() as tx:
        await unsent.retry(tx, key)


async def refused_again(scene: Scene) -> bool:
    first, *others = await rows(scene)
    return first["retries"] == 1 and {row["retry_at"] for row in (first, *others)} == {None}


async def is_true(scene: Scene, waiting: int) -> bool:
    return len(await rows(scene)) == waiting


async def test_a_log_that_refuses_everything_is_not_taken_for_bad_events(scene: Scene) -> None:
    contracts: Sequence[UUID] = [uuid4() for _ in range(MOST_KEYS + 1)]
    for contract_id in contracts:
        await publish_too_large(scene, contract_id, 1)
    relay = scene.running.relay(scene.publisher_database, scene.transport)
    [(_, task)] = scene.running._relays
    with pytest.raises(TooManySetAside, match=f"events of more than {MOST_KEYS} keys within 5 minutes"):
        await task
    assert not relay.active
    assert len(await rows(scene)) == MOST_KEYS
    async with scene.publisher_database.connection() as connection:
        assert await connection.fetchval("SELECT key FROM outbox_events") == str(contracts[-1])


@pytest.mark.kafka
async def test_nothing_overtakes_an_event_that_only_the_broker_refuses(scene: Scene) -> None:
    """Here the topic's limit is below that of the platform; `recobro topics check` reports it."""
    if scene.log.name != "kafka":
        pytest.skip("the other logs have no limit of their own")
    refused, other, subscriber = uuid4(), uuid4(), scene.subscriber()
    await limit_messages(scene, 300_000)
    await publish(
        scene,
        # The first record of a producer in its partition: the broker has no sequence yet that would forbid a gap.
        filled(scene.publisher.Paid, refused, 1, 600_000),
        scene.publisher.Paid(contract_id=refused, number=2),
        scene.publisher.Paid(contract_id=other, number=1),
    )
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    scene.relay(heartbeat_seconds=0.05)

    async def others_applied() -> bool:
        return await numbers(subscriber, scene, other) == [1] and len(await rows(scene)) == 2

    await until(others_applied)
    assert await numbers(subscriber, scene, refused) == []
    assert [row["error"] for row in await rows(scene)] == ["Kafka refuses a record: MessageSizeTooLargeError", None]
    await limit_messages(scene, MAX_RECORD_BYTES)
    await retry(scene, str(refused))

    async def all_applied() -> bool:
        return await numbers(subscriber, scene, refused) == [1, 2]

    await until(all_applied)


async def limit_messages(scene: Scene, most_bytes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.log.address)
    await admin.start()
    topic = ConfigResource(ConfigResourceType.TOPIC, scene.publisher.topic(), {"max.message.bytes": str(most_bytes)})
    await admin.alter_configs([topic])
    await admin.close()
