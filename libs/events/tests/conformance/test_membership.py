"""A member that does not work any more is replaced by another; no event is lost or applied twice."""

import asyncio
from collections.abc import Collection
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError
from recobro_events._errors import MembershipLost, TopicPartition
from recobro_events._log.transport import GroupMember, Listener, Transport
from recobro_events.kafka import KafkaTransport
from toy_services import Scene, Subscriber, outgoing, until


class Joining:
    """A transport that records its members. ``idle_first``: the first member is never assigned a partition."""

    def __init__(self, scene: Scene, transport: Transport | None = None, *, idle_first: bool = False) -> None:
        self.members: list[Any] = []
        self._transport = transport or scene.transport
        self._idle_first = idle_first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> GroupMember:
        is_idle = self._idle_first and not self.members
        member = await self._transport.join(group, topics, IgnoringListener() if is_idle else listener)
        if is_idle:
            member.check = _lost  # type: ignore[method-assign]
        self.members.append(member)
        return member


class IgnoringListener:
    async def assigned(self, partitions: Collection[TopicPartition]) -> None: ...

    async def revoked(self, partitions: Collection[TopicPartition]) -> None: ...


async def _lost(*_: object, **__: object) -> None:
    raise MembershipLost("the group does not know this member")


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


async def send(scene: Scene, number: int) -> None:
    producer = await scene.transport.producer(linger_ms=0)
    await producer.send([outgoing(scene, uuid4(), number)])
    await producer.close()


async def has_applied(scene: Scene, subscriber: Subscriber, *numbers: int) -> None:
    async def holds() -> bool:
        return [row["number"] for row in await subscriber.applied(scene.subscriber_database)] == list(numbers)

    await until(holds)


async def is_replaced(log: Joining) -> None:
    async def holds() -> bool:
        return len(log.members) == 2

    await until(holds)


async def test_a_member_that_cannot_read_any_more_is_replaced(scene: Scene) -> None:
    log, subscriber = Joining(scene), scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, log)
    await send(scene, 1)
    await has_applied(scene, subscriber, 1)
    log.members[0].poll = _lost
    await is_replaced(log)
    await send(scene, 2)
    await has_applied(scene, subscriber, 1, 2)


async def test_a_member_whose_reports_get_no_answer_works_on_and_is_replaced(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, subscriber = Joining(scene), scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, log)
    await send(scene, 1)
    await has_applied(scene, subscriber, 1)
    log.members[0].commit = log.members[0].bounds = _never
    await send(scene, 2)
    await has_applied(scene, subscriber, 1, 2)
    await asyncio.sleep(1.5)
    await send(scene, 3)
    await has_applied(scene, subscriber, 1, 2, 3)
    assert len(log.members) == 1
    monkeypatch.setattr("recobro_events._subscription.reports.ANSWER_SECONDS", 0.1)
    await is_replaced(log)
    await send(scene, 4)
    await has_applied(scene, subscriber, 1, 2, 3, 4)


async def test_a_member_without_partitions_is_replaced_when_its_group_does_not_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro_events._subscription.reports.LAG_SECONDS", 0.1)
    log, subscriber = Joining(scene, idle_first=True), scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, log)
    await send(scene, 1)
    await has_applied(scene, subscriber, 1)
    assert len(log.members) == 2


async def test_a_kafka_client_that_hangs_for_ever_is_replaced(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """As seen after a broker's restart: no task fetches metadata any more, and the client looks for its coordinator."""
    if scene.log.name != "kafka":
        pytest.skip("this is a fault of the Kafka client")
    monkeypatch.setattr("recobro_events._subscription.reports.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("recobro_events.kafka._CLOSE_SECONDS", 0.5)
    # With static membership its successor joins at once.
    transport = KafkaTransport(scene.log.address, instance=str(uuid4()))
    log, subscriber = Joining(scene, transport), scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, log)
    await send(scene, 1)
    await has_applied(scene, subscriber, 1)
    hanging = log.members[0]._consumer

    async def no_coordinator(*_: object) -> None:
        raise GroupCoordinatorNotAvailableError

    hanging._client._sync_task.cancel()
    hanging._client.coordinator_lookup = no_coordinator
    hanging._coordinator.coordinator_dead()
    await send(scene, 2)
    await has_applied(scene, subscriber, 1, 2)
    await is_replaced(log)
    await send(scene, 3)
    await has_applied(scene, subscriber, 1, 2, 3)
    # The hanging client stays out of the group when it works again, and its callbacks have no effect.
    assert not hanging._coordinator._coordination_task.done()
    await hanging._coordinator.close()
    await hanging._subscription.listener.on_partitions_revoked([KafkaPartition(scene.publisher.topic(), 0)])
    await send(scene, 4)
    await has_applied(scene, subscriber, 1, 2, 3, 4)


async def test_a_consumer_with_records_to_read_and_no_progress_is_stalled(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro_events._subscription.reports.LAG_SECONDS", 0.1)
    monkeypatch.setattr("recobro_events._subscription.subscription.KEEP_SECONDS", 0.1)
    monkeypatch.setattr("recobro_events._subscription.subscription.STALLED_SECONDS", 1.5)
    log, subscriber = Joining(scene), scene.subscriber()
    subscription, _ = scene.running.subscribe(subscriber, scene.subscriber_database, log)
    await send(scene, 1)
    await has_applied(scene, subscriber, 1)
    [member] = log.members

    async def reads_nothing(*_: object, **__: object) -> list[object]:
        await asyncio.sleep(0.05)
        return []

    async def is_stalled() -> bool:
        return subscription.is_stalled

    member.poll = reads_nothing
    # A consumer without records to read is not stalled.
    await asyncio.sleep(2)
    assert not subscription.is_stalled
    await send(scene, 2)
    await until(is_stalled)
    del member.poll
    await has_applied(scene, subscriber, 1, 2)

    async def makes_progress() -> bool:
        return not subscription.is_stalled

    await until(makes_progress)
    await scene.running.stop(subscription)
    await asyncio.sleep(0.1)
    assert not subscription.is_stalled
