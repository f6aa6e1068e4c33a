"""The next batch is read while one is applied. Order and exactly-once hold if that one fails or a partition moves."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import partial
from uuid import UUID, uuid4

import pytest
from recobro_events import Subscription, TopicPartition
from recobro_events._log.transport import GroupMember, Listener, Record, Transport
from toy_services import Scene, Subscriber, outgoing, until

CONTRACTS, PAYMENTS = 1_500, 4
AT_ONCE = 120
"""More records than are decoded in one turn."""


class Watched:
    """Counts the polls that returned records, and calls ``on_read`` after each."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.reads = 0
        self.on_read: Callable[[], object] = lambda: None
        join = transport.join

        async def watched_join(group: str, topics: Collection[str], listener: Listener) -> GroupMember:
            member = await join(group, topics, listener)
            poll = member.poll

            async def watched_poll(
                partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
            ) -> list[Record]:
                found = await poll(partitions, max_records=max_records, timeout_seconds=timeout_seconds)
                if found:
                    self.reads += 1
                    self.on_read()
                return found

            member.poll = watched_poll  # type: ignore[method-assign]
            return member

        transport.join = watched_join  # type: ignore[method-assign]


async def waiting(scene: Scene) -> dict[UUID, list[int]]:
    """Send 6,000 payments to one partition; return the numbers expected for each contract."""
    contracts = [uuid4() for _ in range(CONTRACTS)]
    producer = await scene.transport.producer(linger_ms=0)
    for number in range(PAYMENTS):
        await producer.send([outgoing(scene, contract_id, number) for contract_id in contracts])
    await producer.close()
    return {contract_id: list(range(PAYMENTS)) for contract_id in contracts}


async def hold_until_the_next_read(subscriber: Subscriber, watched: Watched) -> None:
    """Hold the handler of the first batch until the second batch has been read."""
    subscriber.before_handling = None
    for _ in range(1_000):
        if watched.reads >= 2:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no records were read ahead")


async def applied(scene: Scene, subscriber: Subscriber) -> dict[UUID, list[int]]:
    await until(lambda: at_least(scene, subscriber, CONTRACTS * PAYMENTS))
    found: dict[UUID, list[int]] = defaultdict(list)
    for row in await subscriber.applied(scene.subscriber_database):
        found[row["contract_id"]].append(row["number"])
    return dict(found)


async def test_records_read_ahead_of_a_failed_batch_are_applied_after_it(scene: Scene) -> None:
    expected, watched, subscriber = await waiting(scene), Watched(scene.transport), scene.subscriber()

    async def fail() -> None:
        await hold_until_the_next_read(subscriber, watched)
        raise ConnectionResetError

    subscriber.before_handling = fail
    scene.running.subscribe(subscriber, scene.subscriber_database, watched.transport)
    assert await applied(scene, subscriber) == expected


@pytest.mark.parametrize("at_once", [True, False])
async def test_records_read_ahead_of_a_partition_that_comes_back_are_applied_once(scene: Scene, at_once: bool) -> None:
    expected, watched, subscriber = await waiting(scene), Watched(scene.transport), scene.subscriber()
    place, held, go_on = TopicPartition(scene.publisher.topic(), 0), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        await hold_until_the_next_read(subscriber, watched)
        held.set()
        await go_on.wait()

    async def revoke_and_assign(subscription: Subscription) -> None:
        await subscription.revoked([place])
        if not at_once:
            # Meanwhile the member goes on without the partition, but with the records that it had read of it.
            await asyncio.sleep(1)
        await subscription.assigned([place])

    subscriber.before_handling = hold
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, watched.transport)
    await asyncio.wait_for(held.wait(), 240)
    moving = asyncio.create_task(revoke_and_assign(subscription))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(moving, 240)
    assert await applied(scene, subscriber) == expected


async def test_a_partition_may_be_revoked_and_assigned_again_at_any_moment_after_a_read(scene: Scene) -> None:
    watched, subscriber, place = (
        Watched(scene.transport),
        scene.subscriber(),
        TopicPartition(scene.publisher.topic(), 0),
    )
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, watched.transport)
    producer = await scene.transport.producer(linger_ms=0)
    moving: list[asyncio.Task[None]] = []

    async def revoke_and_assign(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await subscription.revoked([place])
        await subscription.assigned([place])

    for turns in range(8):

        def move_once(turns: int = turns) -> None:
            watched.on_read = lambda: None
            moving.append(asyncio.create_task(revoke_and_assign(turns)))

        # The next read then begins with the record before the position.
        await subscription.revoked([place])
        await producer.send([outgoing(scene, uuid4(), turns) for _ in range(AT_ONCE)])
        watched.on_read = move_once
        await subscription.assigned([place])
        await until(partial(at_least, scene, subscriber, (turns + 1) * AT_ONCE))
    await producer.close()
    await asyncio.gather(*moving)
    assert len(moving) == 8
    assert await subscriber.count(scene.subscriber_database) == 8 * AT_ONCE


async def at_least(scene: Scene, subscriber: Subscriber, count: int) -> bool:
    return await subscriber.count(scene.subscriber_database) >= count
