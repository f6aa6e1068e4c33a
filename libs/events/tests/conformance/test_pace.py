"""Events that are in no hurry wait for others, and never let one overtake them."""

import asyncio
import json
from uuid import uuid4

import pytest
from recobro_events import Consumer, Database, Lane
from recobro_events._log import pacing, postgres_member
from recobro_events._log.transport import GroupMember, OutgoingRecord
from recobro_events._outbox import relay
from toy_services import Publisher, Scene, Subscriber, TopicReader, read_all

PACED, HURRIED, OTHER = "a.paced.v1", "a.hurried.v1", "a.other.v1"
FOR_EVER = 3600.0
CONTRACT = uuid4()
NOT_LONG = 0.01


async def send(scene: Scene, *records: tuple[str, int]) -> None:
    """Send records of these types to these partitions; the key of each tells its number."""
    producer = await scene.transport.producer(linger_ms=0)
    topic = scene.publisher.topic()
    for type_, partition in records:
        await producer.send([OutgoingRecord(topic, type_, b"", {"ce_type": type_}, partition)])
        # A member that does not let the record wait returns it now.
        for _ in range(10):
            await asyncio.sleep(0)
    await producer.close()


async def joined(scene: Scene, reader: TopicReader) -> GroupMember:
    """A member that waits for records, and that has read all that there are."""
    member = await scene.transport.join(f"paced-{uuid4()}", [scene.publisher.topic()], reader)
    member.hurry_for([HURRIED], [PACED])
    async with asyncio.timeout(240):
        await reader.ready.wait()
    for place in reader.places:
        member.seek(place, 0)
    assert await member.poll(reader.places, max_records=10, timeout_seconds=0.5) == []
    return member


async def polled(member: GroupMember, reader: TopicReader) -> list[str]:
    async with asyncio.timeout(240):
        records = await member.poll(reader.places, max_records=10, timeout_seconds=FOR_EVER)
    return [record.headers["ce_type"] for record in records]


async def test_a_record_in_a_hurry_ends_the_wait_of_those_before_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "PACE_SECONDS", FOR_EVER)
    monkeypatch.setattr(postgres_member, "POLL_SECONDS", FOR_EVER)
    member = await joined(scene, reader := TopicReader())
    # A watcher of another process hurries for all records, which ends no other member's wait.
    watcher = await (await scene.log.connect()).join(f"watcher-{uuid4()}", [scene.publisher.topic()], TopicReader())
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(polled(member, reader))
        await send(scene, (PACED, 0), (OTHER, 0), (PACED, 1), (PACED, 0), (HURRIED, 2))
        found = await poll
    assert sorted(found) == sorted([PACED, OTHER, PACED, PACED, HURRIED])
    await member.leave()
    await watcher.leave()


async def test_the_time_ends_the_wait(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "PACE_SECONDS", NOT_LONG)
    monkeypatch.setattr(postgres_member, "POLL_SECONDS", FOR_EVER)
    member = await joined(scene, reader := TopicReader())
    await send(scene, (PACED, 0))
    assert await polled(member, reader) == [PACED]
    await member.leave()


async def write(scene: Scene, database: Database, number: int, *, in_hurry: bool) -> None:
    """Write an event by a statement, as a service does."""
    event = scene.publisher.Paid(contract_id=CONTRACT, number=number)
    async with database.transaction() as tx:
        insert = "INSERT INTO outbox_events (type, key, body) VALUES ($1, $2, $3)"
        await tx.execute(insert, event.type, event.key, event.body())
        tx.wrote_outbox(Lane.EVENTS, in_hurry=in_hurry)


async def numbers_in_log(scene: Scene, at_least: int) -> list[int]:
    records = await read_all(scene, [scene.publisher.topic()], at_least)
    return [json.loads(record.value)["number"] for record in records]


@pytest.mark.parametrize("where", ["in the relay's process", "in another process"])
async def test_a_row_in_a_hurry_takes_along_all_before_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for name in ("POLL_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(relay, name, FOR_EVER)
    monkeypatch.setattr(pacing, "PACE_SECONDS", FOR_EVER)
    scene.relay(heartbeat_seconds=FOR_EVER)
    other = Database(scene.publisher_database.dsn)
    await other.open()
    writer = scene.publisher_database if where == "in the relay's process" else other
    # The first event shows that the relay is active.
    await write(scene, writer, 0, in_hurry=True)
    assert await numbers_in_log(scene, 1) == [0]
    for number in (1, 2):
        await write(scene, writer, number, in_hurry=False)
    async with scene.publisher_database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox_events WHERE body::json ->> 'number' <> '0'") == 2
    await write(scene, writer, 3, in_hurry=True)
    assert await numbers_in_log(scene, 4) == [0, 1, 2, 3]
    monkeypatch.setattr(pacing, "PACE_SECONDS", NOT_LONG)
    await write(scene, writer, 4, in_hurry=False)
    assert await numbers_in_log(scene, 5) == [0, 1, 2, 3, 4]
    await other.close()


def test_only_events_with_a_handler_are_paced() -> None:
    publisher = Publisher()
    subscriber = Subscriber(publisher)
    subscriber.consumer.pace(publisher.Paid)
    assert subscriber.consumer.paced == {publisher.Paid}
    with pytest.raises(ValueError, match="paces Paid but has no handler"):
        Consumer("other", listens_to=(publisher.name,)).pace(publisher.Paid)
