"""What a consumer may rely on: events in order per key, each applied once, whatever dies, joins or leaves."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from uuid import UUID, uuid4

import pytest
from recobro_events import Database, Lane, LogReplaced, PositionLost, TopicPartition
from recobro_events._applying import positions
from recobro_events._database.transaction import Row
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events._log.transport import OutgoingRecord
from recobro_events.testing import published
from toy_services import Scene, outgoing, read_all, until


def by_contract(rows: Iterable[Row]) -> dict[UUID, list[int]]:
    applied: dict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        applied[row["contract_id"]].append(row["number"])
    return dict(applied)


async def publish(scene: Scene, contracts: int, payments: int, *, first: int = 0) -> dict[UUID, list[int]]:
    """Publish the contracts' payments, one number a transaction; return the numbers expected for each contract."""
    keys = [uuid.uuid5(uuid.NAMESPACE_OID, str(n)) for n in range(contracts)]
    for number in range(first, first + payments):
        await scene.publisher.publish(scene.publisher_database, [(key, number) for key in keys])
    return {key: list(range(first + payments)) for key in keys}


async def test_every_event_is_applied_once_and_in_the_order_of_its_key(scene: Scene) -> None:
    subscriber = scene.subscriber()
    scene.relay()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    expected = await publish(scene, contracts=40, payments=25)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 1000))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == expected
    await until(lambda: has(outbox_size(scene.publisher_database), 0))


async def test_an_event_delivered_again_is_not_applied_again(scene: Scene) -> None:
    subscriber = scene.subscriber()
    contract_id = uuid4()
    records = [outgoing(scene, contract_id, number) for number in range(50)]
    producer = await scene.transport.producer(linger_ms=0)
    for _ in range(3):
        await producer.send(records)
    await producer.send([outgoing(scene, contract_id, 50)])
    await producer.close()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 51))
    # The same records again, now in another batch.
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([*records, outgoing(scene, contract_id, 51)])
    await producer.close()
    await until(lambda: at_least(subscriber.count(scene.subscriber_database), 52))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == {contract_id: list(range(52))}


async def test_a_consumer_that_dies_before_it_commits_to_the_log_repeats_nothing(scene: Scene) -> None:
    """The log does not have its position; the database has."""
    scene.relay()
    first = scene.subscriber(member="dies")
    _, task = scene.running.subscribe(first, scene.subscriber_database, scene.transport)
    expected = await publish(scene, contracts=5, payments=10)
    await until(lambda: has(first.count(scene.subscriber_database), 50))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    second = scene.subscriber(member="next")
    scene.running.subscribe(second, scene.subscriber_database, await scene.log.connect())
    expected = await publish(scene, contracts=5, payments=10, first=10)
    await until(lambda: has(second.count(scene.subscriber_database), 100))
    assert by_contract(await second.applied(scene.subscriber_database)) == expected
    assert {event.number for group in second.groups for event in group} == set(range(10, 20))  # type: ignore[attr-defined]


async def test_the_inbox_prevents_repeats_when_a_position_goes_back(scene: Scene) -> None:
    scene.relay()
    subscriber = scene.subscriber()
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    expected = await publish(scene, contracts=5, payments=10)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 50))
    await scene.running.stop(subscription)
    async with scene.subscriber_database.transaction() as tx:
        await tx.execute("UPDATE consumer_position SET next_offset = 0, last_record_id = NULL")
    scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())
    await scene.publisher.publish(scene.publisher_database, [(key, 10) for key in expected])
    await until(lambda: has(subscriber.count(scene.subscriber_database), 55))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == {
        key: list(range(11)) for key in expected
    }


async def test_a_group_grows_and_shrinks_while_events_flow(scene: Scene) -> None:
    scene.relay()
    subscriber = scene.subscriber()
    members = [scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)[0]]
    databases: list[Database] = []
    for round_ in range(6):
        expected = await publish(scene, contracts=30, payments=5, first=5 * round_)
        if round_ < 3:
            database = Database(scene.subscriber_database.dsn)
            await database.open()
            databases.append(database)
            members.append(scene.running.subscribe(subscriber, database, await scene.log.connect())[0])
        else:
            await scene.running.stop(members.pop(0))
    await until(lambda: has(subscriber.count(scene.subscriber_database), 900), seconds=90)
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == expected
    await scene.running.close()
    for database in databases:
        await database.close()


async def test_a_member_that_lost_its_partition_changes_neither_position_nor_rows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch is held before the check of its positions, and another member claims the partition meanwhile."""
    monkeypatch.setattr("recobro_events.kafka.KafkaMember.settled_seconds", 0.5)
    subscriber = scene.subscriber()
    held, go_on = asyncio.Event(), asyncio.Event()

    @subscriber.consumer.first
    async def hold(_tx: object) -> None:
        held.set()
        await go_on.wait()

    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([outgoing(scene, uuid4(), 0)])
    await producer.close()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await asyncio.wait_for(held.wait(), 240)
    place = TopicPartition(scene.publisher.topic(), 0)
    other = Database(scene.subscriber_database.dsn)
    await other.open()
    await positions.claim(other, "subscriber.events", [place], uuid4())
    before = await position_of(other, place)
    held.clear()
    go_on.set()
    go_on.clear()
    # It has lost that batch, and claims again because the group still assigns the partition to it.
    await asyncio.wait_for(held.wait(), 240)
    assert subscriber.groups == []
    assert await subscriber.count(other) == 0
    async with other.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 0
    after = await position_of(other, place)
    assert (after["next_offset"], before["next_offset"]) == (0, 0)
    assert after["owner"] != before["owner"]
    go_on.set()
    await until(lambda: has(subscriber.count(other), 1))
    await other.close()


async def test_no_key_appears_twice_in_a_list_and_a_batch_may_be_large(scene: Scene) -> None:
    """10,000 events that wait are applied in few batches, wave by wave."""
    contracts = [uuid4() for _ in range(2_500)]
    for number in range(4):
        await scene.publisher.publish(scene.publisher_database, [(contract_id, number) for contract_id in contracts])
    scene.relay()
    await until(lambda: has(outbox_size(scene.publisher_database), 0))
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 10_000))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == {
        contract_id: [0, 1, 2, 3] for contract_id in contracts
    }
    for group in subscriber.groups:
        assert len({event.key for event in group}) == len(group)
    assert len(subscriber.groups) < 200


async def test_events_of_a_handler_commit_with_its_batch_and_have_ids_made_from_the_cause(scene: Scene) -> None:
    scene.relay()
    subscriber = scene.subscriber(answers=True)
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    contracts = [uuid4() for _ in range(20)]
    await scene.publisher.publish(scene.publisher_database, [(contract_id, 1) for contract_id in contracts])
    await until(lambda: has(subscriber.count(scene.subscriber_database), 20))
    answers = await published(scene.subscriber_database, scene.publisher.Answered)
    causes = {row["contract_id"]: row["event_id"] for row in await subscriber.applied(scene.subscriber_database)}
    type_ = scene.publisher.Answered.type
    assert {event.contract_id: event.event_id for event in answers} == {
        contract_id: caused_event_id(cause, "subscriber.events", type_, str(contract_id), 0)
        for contract_id, cause in causes.items()
    }


async def test_headers_come_back_as_the_text_that_was_sent(scene: Scene) -> None:
    event_id = new_event_id()
    sent = outgoing(scene, uuid4(), 7, event_id)
    sent = sent._replace(headers={**sent.headers, "note": "Peña, 8 a. m. ✓"})
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([sent])
    await producer.close()
    [record] = await read_all(scene, [scene.publisher.topic()], 1)
    assert record.headers == sent.headers
    assert record.value == sent.value
    assert record.headers["ce_id"] == str(event_id)
    assert record.headers["ce_time"] == "2026-11-22T08:00:00Z"


async def test_records_without_a_handler_are_skipped_and_the_position_is_saved(scene: Scene) -> None:
    """They cost no transaction each; an event that is handled among them moves the position over all of them."""
    subscriber = scene.subscriber()
    contract_id = uuid4()
    unhandled = {**outgoing(scene, contract_id, 0).headers, "ce_type": "nobody.handles-this.v1"}
    skipped = OutgoingRecord(scene.publisher.topic(), str(contract_id), b"{}", unhandled, 0)
    place = TopicPartition(scene.publisher.topic(), 0)
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([skipped] * 100)
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await until(lambda: position_is(scene.subscriber_database, place, 100))
    await producer.send([skipped, outgoing(scene, contract_id, 1), skipped])
    await producer.close()
    await until(lambda: has(subscriber.count(scene.subscriber_database), 1))
    await until(lambda: position_is(scene.subscriber_database, place, 103))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == {contract_id: [1]}


async def test_a_gap_is_refused(scene: Scene) -> None:
    """Records that retention dropped before they were read are lost, so the consumer stops."""
    await scene.publisher.publish(scene.publisher_database, [(uuid4(), n) for n in range(40)])
    scene.relay()
    await until(lambda: has(outbox_size(scene.publisher_database), 0))
    for partition in range(4):
        await scene.log.drop_before(TopicPartition(scene.publisher.topic(), partition), 2)
    subscriber = scene.subscriber()
    _, task = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    with pytest.raises(PositionLost, match="dropped before this consumer read them"):
        await asyncio.wait_for(task, 240)
    assert await subscriber.count(scene.subscriber_database) == 0


@pytest.mark.parametrize("change", ["last_record_id = 'another'", "next_offset = next_offset + 1000"])
async def test_a_replaced_log_is_refused(scene: Scene, change: str) -> None:
    scene.relay()
    subscriber = scene.subscriber()
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await publish(scene, contracts=8, payments=2)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 16))
    await scene.running.stop(subscription)
    async with scene.subscriber_database.transaction() as tx:
        await tx.execute(f"UPDATE consumer_position SET {change} WHERE next_offset > 0")
    _, task = scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())
    await publish(scene, contracts=8, payments=1, first=2)
    with pytest.raises((LogReplaced, PositionLost)):
        await asyncio.wait_for(task, 240)
    assert await subscriber.count(scene.subscriber_database) == 16


async def test_a_transient_error_is_retried(scene: Scene) -> None:
    scene.relay()
    subscriber = scene.subscriber()
    failures = 3

    async def fail_at_first() -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError

    subscriber.before_handling = fail_at_first
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    expected = await publish(scene, contracts=3, payments=3)
    await until(lambda: has(subscriber.count(scene.subscriber_database), 9))
    assert by_contract(await subscriber.applied(scene.subscriber_database)) == expected


async def test_a_drain_finishes_or_rolls_back_the_batch_under_way(scene: Scene) -> None:
    subscriber = scene.subscriber()
    inside = asyncio.Event()

    async def hang() -> None:
        inside.set()
        await asyncio.Event().wait()

    subscriber.before_handling = hang
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([outgoing(scene, uuid4(), 0)])
    await producer.close()
    subscription, task = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await asyncio.wait_for(inside.wait(), 240)
    await asyncio.wait_for(subscription.stop(), 240)
    await asyncio.wait_for(task, 240)
    assert await subscriber.count(scene.subscriber_database) == 0
    subscriber.before_handling = None
    scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())
    await until(lambda: has(subscriber.count(scene.subscriber_database), 1))


@pytest.mark.timeout(600)
async def test_an_urgent_fact_does_not_wait_behind_bulk(scene: Scene) -> None:
    """200,000 bulk events are under way when it commits, and it is applied before half of them."""
    if scene.log.name == "memory":
        pytest.skip("the log in memory is for unit tests, not for 200,000 records")
    subscriber = scene.subscriber()
    await fill_bulk(scene, 200_000)
    scene.relay()
    scene.running.relay(scene.publisher_database, scene.transport, Lane.BULK)
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect(), Lane.BULK)
    await until(lambda: at_least(subscriber.count(scene.subscriber_database, Lane.BULK), 1))
    await scene.publisher.publish(scene.publisher_database, [(uuid4(), 1)])
    await until(lambda: has(subscriber.count(scene.subscriber_database), 1))
    # Counted after the urgent event was applied: the bulk events still missing now were applied later.
    assert await subscriber.count(scene.subscriber_database, Lane.BULK) < 100_000


async def fill_bulk(scene: Scene, events: int) -> None:
    async with scene.publisher_database.transaction() as tx:
        await tx.execute(
            "INSERT INTO outbox_bulk (type, key, body) SELECT $1, id, json_build_object('contract_id', id, 'number', n)"
            " FROM (SELECT n, gen_random_uuid()::text AS id FROM generate_series(1, $2::integer) AS n) AS payment",
            scene.publisher.Loaded.type,
            events,
        )


async def has(count: Awaitable[int], expected: int) -> bool:
    return await count == expected


async def at_least(count: Awaitable[int], expected: int) -> bool:
    return await count >= expected


async def outbox_size(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox_events")  # type: ignore[no-any-return]


async def position_of(database: Database, place: TopicPartition) -> Row:
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM consumer_position WHERE topic = $1 AND partition = $2", *place)
    assert row is not None
    return row  # type: ignore[no-any-return]


async def position_is(database: Database, place: TopicPartition, offset: int) -> bool:
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = $2", *place
        )
    return row is not None and row["next_offset"] == offset
