"""A partition is assigned to another member while the first member is about to claim it."""

import asyncio
from collections.abc import AsyncIterator, Collection
from uuid import UUID, uuid4

import pytest
from recobro_events import Database, Lane, TopicPartition
from recobro_events._applying import positions
from recobro_events._applying.positions import Position
from toy_services import Scene, outgoing, until

_claim = positions.claim


class Handover:
    """Two members of one group; the first is held before its first claim until the second has joined."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.claimed: list[Database] = []
        self.go_on = asyncio.Event()
        self.second = Database(scene.subscriber_database.dsn)
        self._scene = scene
        self._held = asyncio.Event()
        self._subscriber = scene.subscriber()
        monkeypatch.setattr(positions, "claim", self._hold_the_first)

    async def begin(self) -> None:
        await self.second.open()
        first, _ = self._scene.running.subscribe(
            self._subscriber, self._scene.subscriber_database, self._scene.transport
        )
        await asyncio.wait_for(self._held.wait(), 240)
        self._scene.running.subscribe(self._subscriber, self.second, await self._scene.log.connect())

        async def first_is_revoked() -> bool:
            return len(first._holding.assigned) < 4

        await until(first_is_revoked)

    async def second_has_claimed(self) -> bool:
        return self.second in self.claimed

    async def everything_is_applied(self) -> None:
        producer = await self._scene.transport.producer(linger_ms=0)
        records = [outgoing(self._scene, uuid4(), n)._replace(partition=n % 4) for n in range(40)]
        await producer.send(records)
        await producer.close()

        async def has_applied() -> bool:
            return await self._subscriber.count(self.second) >= len(records)

        await until(has_applied)
        assert await self._subscriber.count(self.second) == len(records)

    async def _hold_the_first(
        self, database: Database, consumer: str, places: Collection[TopicPartition], owner: UUID
    ) -> dict[TopicPartition, Position]:
        if not self._held.is_set():
            self._held.set()
            await self.go_on.wait()
        claimed = await _claim(database, consumer, places, owner)
        self.claimed.append(database)
        return claimed


@pytest.fixture
async def handover(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Handover]:
    handover = Handover(scene, monkeypatch)
    yield handover
    handover.go_on.set()
    await scene.running.close()
    await handover.second.close()


async def test_a_member_ends_its_claim_before_it_releases_partitions(
    scene: Scene, handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scene.log.name == "postgres":
        pytest.skip("a member on the embedded log does not wait for others to release partitions")
    monkeypatch.setattr("recobro_events._subscription.subscription.DRAIN_SECONDS", dict.fromkeys(Lane, 30.0))
    await handover.begin()
    # The second member would claim within this time if nothing held it back.
    await asyncio.sleep(1)
    assert handover.claimed == []
    handover.go_on.set()
    await until(handover.second_has_claimed)
    assert handover.claimed[0] is scene.subscriber_database
    await handover.everything_is_applied()


async def test_the_new_owner_claims_again_after_a_late_claim(
    handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old owner stood still for longer than the group waits. Its claim wins, and the new owner claims again."""
    monkeypatch.setattr("recobro_events._subscription.subscription.DRAIN_SECONDS", dict.fromkeys(Lane, 0.1))
    monkeypatch.setattr("recobro_events.kafka.KafkaMember.settled_seconds", 0.5)
    await handover.begin()
    await until(handover.second_has_claimed)
    handover.go_on.set()
    await handover.everything_is_applied()
