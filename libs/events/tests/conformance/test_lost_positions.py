"""A consumer whose position is lost reads on from the start of the log while a rebuild is open."""

import asyncio
from uuid import uuid4

import pytest
from recobro_events import PositionLost, TopicPartition
from toy_services import Scene, Subscriber, outgoing, until

PARTITION = 0


async def send(scene: Scene, *numbers: int) -> None:
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([outgoing(scene, uuid4(), number) for number in numbers])
    await producer.close()


async def open_rebuild(scene: Scene) -> None:
    async with scene.subscriber_database.transaction() as tx:
        await tx.execute("INSERT INTO rebuild (rebuild_id, sources) VALUES (uuidv7(), '{publisher}')")


async def end_rebuild(scene: Scene) -> None:
    async with scene.subscriber_database.transaction() as tx:
        await tx.execute("UPDATE rebuild SET ended_at = now()")


async def numbers(subscriber: Subscriber, scene: Scene) -> list[int]:
    return [row["number"] for row in await subscriber.applied(scene.subscriber_database)]


async def test_a_consumer_whose_position_is_lost_reads_the_rest_of_the_log_during_a_rebuild(scene: Scene) -> None:
    await send(scene, 1, 2, 3, 4)
    await scene.log.drop_before(TopicPartition(scene.publisher.topic(), PARTITION), 2)
    subscriber = scene.subscriber()
    _, stopped = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    with pytest.raises(PositionLost):
        await asyncio.wait_for(stopped, 240)
    await open_rebuild(scene)
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())

    async def has_read(*expected: int) -> bool:
        return await numbers(subscriber, scene) == list(expected)

    await until(lambda: has_read(3, 4))
    await end_rebuild(scene)
    await scene.running.stop(subscription)
    # Its position is valid again, also in a partition without new records.
    scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())
    await send(scene, 5)
    await until(lambda: has_read(3, 4, 5))


@pytest.mark.parametrize("change", ["last_record_id = 'another'", "next_offset = next_offset + 1000"])
async def test_a_replaced_log_is_read_from_its_start_and_nothing_is_applied_twice(scene: Scene, change: str) -> None:
    subscriber = scene.subscriber()
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await send(scene, 1, 2)

    async def has_read(*expected: int) -> bool:
        return await numbers(subscriber, scene) == list(expected)

    await until(lambda: has_read(1, 2))
    await scene.running.stop(subscription)
    async with scene.subscriber_database.transaction() as tx:
        await tx.execute(f"UPDATE consumer_position SET {change} WHERE next_offset > 0")
    await open_rebuild(scene)
    scene.running.subscribe(subscriber, scene.subscriber_database, await scene.log.connect())
    await send(scene, 3)
    await until(lambda: has_read(1, 2, 3))
    async with scene.subscriber_database.connection() as connection:
        place = "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = 0"
        assert await connection.fetchval(place, scene.publisher.topic()) == 3
