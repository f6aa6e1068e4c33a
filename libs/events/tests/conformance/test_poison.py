"""What can never be applied is set aside with its followers, on every transport; everything else moves on."""

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
    sick, well = uuid4(), uuid4()
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    broken = outgoing(scene, sick, 2)._replace(value=b'{"number": "many"}')
    await send(scene, [outgoing(scene, sick, 1), outgoing(scene, well, 1), broken, outgoing(scene, sick, 3)])
    await send(scene, [outgoing(scene, sick, 4), outgoing(scene, well, 2)])

    async def well_is_served() -> bool:
        return await numbers(subscriber, scene, well) == [1, 2]

    await until(well_is_served)
    assert await numbers(subscriber, scene, sick) == [1]
    error = "does not fit its contract: contract_id, number"
    assert await letters(scene) == [(str(sick), error), (str(sick), None), (str(sick), None)]
    [told] = await published(scene.subscriber_database, ContractSetAside)
    assert (told.contract_id, told.service, told.consumer) == (sick, "subscriber", "subscriber.events")

    refused = await dead_letters.replay(scene.subscriber_database, subscriber.consumer, str(sick))
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
    replayed = await dead_letters.replay(scene.subscriber_database, subscriber.consumer, str(sick))
    assert (replayed.applied, replayed.waiting, replayed.error) == (2, 0, None)
    assert await numbers(subscriber, scene, sick) == [1, 3, 4]
    [freed] = await published(scene.subscriber_database, ContractReplayed)
    assert (freed.contract_id, freed.service) == (sick, "subscriber")

    await send(scene, [outgoing(scene, sick, 5)])

    async def sick_is_served() -> bool:
        return await numbers(subscriber, scene, sick) == [1, 3, 4, 5]

    await until(sick_is_served)


async def test_an_event_that_came_under_another_key_than_its_own_is_set_aside(scene: Scene) -> None:
    """Of its own key nobody knows where it belongs: that one's events are ordered in another partition."""
    key, other = uuid4(), uuid4()
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    strayed = outgoing(scene, key, 1)._replace(value=outgoing(scene, other, 1).value)
    await send(scene, [strayed, outgoing(scene, other, 2)])

    async def other_is_served() -> bool:
        return bool(await numbers(subscriber, scene, other))

    await until(other_is_served)

    async def is_set_aside() -> bool:
        return bool(await letters(scene))

    await until(is_set_aside)
    assert await letters(scene) == [(str(key), "came under another key than its own")]
    assert await numbers(subscriber, scene, other) == [2]


async def test_a_record_that_is_no_event_keeps_its_bytes_and_stops_nobody(scene: Scene) -> None:
    contract_id = uuid4()
    subscriber = scene.subscriber()
    proper = outgoing(scene, contract_id, 1)
    strange = [
        proper._replace(key="not an id", value=b"\x00\xff\xfe", headers={"ce_id": "no uuid", "ce_type": "a"}),
        proper._replace(key="k" * 5000, value=b"", headers={}),
        proper._replace(headers={**proper.headers, "ce_time": "2026-11-22T08:00:00", "ce_id": str(uuid4())}),
        proper._replace(headers={**proper.headers, "ce_subject": "a\0b", "ce_id": str(uuid4())}),
    ]
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    await send(scene, [*strange[:2], outgoing(scene, uuid4(), 1)])
    await send(scene, strange[2:])

    async def all_are_read() -> bool:
        async with scene.subscriber_database.connection() as connection:
            moved = "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = 0"
            return await connection.fetchval(moved, scene.publisher.topic()) == 5  # type: ignore[no-any-return]

    await until(all_are_read)
    place = TopicPartition(scene.publisher.topic(), 0)
    assert await letters(scene) == [
        ("not an id", "a record whose ce_id or ce_time is not one"),
        (f"{place.topic}/0@1", "a record without the header 'ce_id'"),
        (str(contract_id), "a record whose ce_time has no time zone"),
        (str(contract_id), "a record whose ce_subject is no key"),
    ]
    async with scene.subscriber_database.connection() as connection:
        [first, *_] = await dead_letters.letters(connection)
        first = await dead_letters.letter(connection, first["letter_id"])
    assert first["body"] == b"\x00\xff\xfe"
    assert dead_letters.headers_of_letter(first)["ce_id"] == "no uuid"
    assert len(subscriber.groups) == 1
