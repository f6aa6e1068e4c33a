"""An event that can never be applied is set aside with the later events of its key; all others are applied."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from recobro_events import TopicPartition, dead_letters
from recobro_events._log.transport import OutgoingRecord
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import published
from toy_services import Scene, Subscriber, outgoing, until


async def send(scene: Scene, records: Sequence[OutgoingRecord]) -> None:
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send(records)
    await producer.close()


async def numbers(subscriber: Subscriber, scene: Scene, contract_id: UUID) -> list[int]:
    return [
        row["number"]
        for row in await subscriber.applied(scene.subscriber_database)
        if row["contract_id"] == contract_id
    ]


async def letters(scene: Scene) -> list[tuple[str, str | None]]:
    async with scene.subscriber_database.connection() as connection:
        return [(row["key"], row["error"]) for row in await dead_letters.letters(connection)]


async def test_a_poison_event_and_its_followers_wait_while_the_rest_moves_on(scene: Scene) -> None:
    broken_key, healthy_key = uuid4(), uuid4()
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    broken = outgoing(scene, broken_key, 2)._replace(value=b'{"number": "many"}')
    await send(
        scene, [outgoing(scene, broken_key, 1), outgoing(scene, healthy_key, 1), broken, outgoing(scene, broken_key, 3)]
    )
    await send(scene, [outgoing(scene, broken_key, 4), outgoing(scene, healthy_key, 2)])

    async def healthy_key_is_applied() -> bool:
        return await numbers(subscriber, scene, healthy_key) == [1, 2]

    await until(healthy_key_is_applied)
    assert await numbers(subscriber, scene, broken_key) == [1]
    error = "the body does not match its contract: contract_id, number"
    assert await letters(scene) == [(str(broken_key), error), (str(broken_key), None), (str(broken_key), None)]
    [aside] = await published(scene.subscriber_database, ContractSetAside)
    assert (aside.contract_id, aside.service, aside.consumer) == (broken_key, "subscriber", "subscriber.events")

    refused = await dead_letters.replay(scene.subscriber_database, subscriber.consumer, str(broken_key))
    assert (refused.applied, refused.waiting, refused.error) == (0, 3, error)
    assert await published(scene.subscriber_database, ContractReplayed) == []
    async with scene.subscriber_database.connection() as connection:
        [first, *_] = await dead_letters.letters(connection)
        first = await dead_letters.letter(connection, first["letter_id"])
    assert first["body"] == b'{"number": "many"}'
    await dead_letters.discard(
        scene.subscriber_database,
        subscriber.consumer,
        first["letter_id"],
        by="operator",
        reason="the publisher's mistake",
    )
    replayed = await dead_letters.replay(scene.subscriber_database, subscriber.consumer, str(broken_key))
    assert (replayed.applied, replayed.waiting, replayed.error) == (2, 0, None)
    assert await numbers(subscriber, scene, broken_key) == [1, 3, 4]
    [replayed_event] = await published(scene.subscriber_database, ContractReplayed)
    assert (replayed_event.contract_id, replayed_event.service) == (broken_key, "subscriber")

    await send(scene, [outgoing(scene, broken_key, 5)])

    async def broken_key_is_applied() -> bool:
        return await numbers(subscriber, scene, broken_key) == [1, 3, 4, 5]

    await until(broken_key_is_applied)


async def test_an_event_in_a_record_with_another_key_is_set_aside(scene: Scene) -> None:
    """Events of its own key are ordered in another partition, so its place among them is unknown."""
    key, other = uuid4(), uuid4()
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    strayed = outgoing(scene, key, 1)._replace(value=outgoing(scene, other, 1).value)
    await send(scene, [strayed, outgoing(scene, other, 2)])

    async def other_is_applied() -> bool:
        return bool(await numbers(subscriber, scene, other))

    await until(other_is_applied)

    async def is_set_aside() -> bool:
        return bool(await letters(scene))

    await until(is_set_aside)
    assert await letters(scene) == [(str(key), "the record's key is not the event's key")]
    assert await numbers(subscriber, scene, other) == [2]


async def test_an_invalid_record_is_set_aside_with_its_bytes_and_stops_no_other(scene: Scene) -> None:
    contract_id = uuid4()
    subscriber = scene.subscriber()
    valid = outgoing(scene, contract_id, 1)
    invalid = [
        valid._replace(key="not an id", value=b"\x00\xff\xfe", headers={"ce_id": "no uuid", "ce_type": "a"}),
        valid._replace(key="k" * 5000, value=b"", headers={}),
        valid._replace(headers={**valid.headers, "ce_time": "2026-11-22T08:00:00", "ce_id": str(uuid4())}),
        valid._replace(headers={**valid.headers, "ce_subject": "a\0b", "ce_id": str(uuid4())}),
    ]
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await send(scene, [*invalid[:2], outgoing(scene, uuid4(), 1)])
    await send(scene, invalid[2:])

    async def all_are_read() -> bool:
        async with scene.subscriber_database.connection() as connection:
            moved = "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = 0"
            return await connection.fetchval(moved, scene.publisher.topic()) == 5  # type: ignore[no-any-return]

    await until(all_are_read)
    place = TopicPartition(scene.publisher.topic(), 0)
    assert await letters(scene) == [
        ("not an id", "ce_id or ce_time is invalid"),
        (f"{place.topic}/0@1", "the header ce_id is missing"),
        (str(contract_id), "ce_time has no time zone"),
        (str(contract_id), "ce_subject is not a valid key"),
    ]
    async with scene.subscriber_database.connection() as connection:
        [first, *_] = await dead_letters.letters(connection)
        first = await dead_letters.letter(connection, first["letter_id"])
    assert first["body"] == b"\x00\xff\xfe"
    assert dead_letters.headers_of_letter(first)["ce_id"] == "no uuid"
    assert len(subscriber.groups) == 1
