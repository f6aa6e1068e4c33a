"""When a barrier is reached, all facts that were acknowledged before it was requested have been applied."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from recobro_events import Consumer, Database, Lane, Runtime, Transaction, barrier
from recobro_events.contracts.portfolio import ContractClosed, ContractState, Stage
from recobro_events.contracts.runtime import BarrierReached, BarrierRequested
from recobro_events.memory import MemoryTransport
from recobro_events.testing import apply_records, published, record_of
from toy_services import until


def closed(contract_id: UUID) -> ContractClosed:
    return ContractClosed(
        contract_id=contract_id,
        version=1,
        as_of=date(2026, 11, 22),
        state=ContractState.SETTLED,
        stage=Stage.CURRENT,
        days_past_due=0,
        overdue_balance=Decimal(0),
        total_balance=Decimal(0),
        reason=ContractState.SETTLED,
    )


@dataclass
class Pair:
    """The dialer feed requests barriers, the portfolio answers; each has its own database, and both use one log."""

    portfolio: Database
    feed: Database
    transport: MemoryTransport
    runtimes: list[Runtime]
    applied: list[UUID]
    ended: asyncio.Event

    async def start(self, *services: str) -> None:
        for service in services:
            database, consumer = (
                (self.feed, self._feed_consumer()) if service == "dialer-feed" else (self.portfolio, self._answerer())
            )
            runtime = Runtime(service, database, self.transport, consumer, on_barrier=self.ended.set)
            self.runtimes.append(runtime)
            await runtime.start()

    def _feed_consumer(self) -> Consumer:
        consumer = Consumer("dialer-feed", listens_to=("portfolio",))

        @consumer.on(ContractClosed)
        async def note(events: Sequence[ContractClosed], _tx: Transaction) -> None:
            self.applied.extend(event.contract_id for event in events)

        return consumer

    def _answerer(self) -> Consumer:
        return Consumer("portfolio", listens_to=("dialer-feed",))

    async def ask(self) -> UUID:
        async with self.feed.transaction() as tx:
            return await barrier.ask(tx, ["portfolio"], rounds=1)

    async def progress(self, barrier_id: UUID) -> barrier.Progress:
        async with self.feed.connection() as connection:
            return await barrier.progress(connection, barrier_id)

    async def is_in(self, barrier_id: UUID, state: str) -> bool:
        return (await self.progress(barrier_id)).state == state


@pytest.fixture
async def pair(new_database: Callable[[], Awaitable[Database]]) -> AsyncIterator[Pair]:
    portfolio, feed = await new_database(), await new_database()
    pair = Pair(portfolio, feed, MemoryTransport(4), [], [], asyncio.Event())
    yield pair
    for runtime in pair.runtimes:
        await runtime.stop()


async def acknowledge(pair: Pair, events: int) -> list[UUID]:
    """Commit facts of so many contracts at the portfolio, without publishing them to the log; return the contracts."""
    contracts = [uuid4() for _ in range(events)]
    async with pair.portfolio.transaction() as tx:
        for contract_id in contracts:
            tx.publish(closed(contract_id))
    return contracts


async def test_a_barrier_is_reached_when_all_acknowledged_facts_are_applied(pair: Pair) -> None:
    await pair.start("dialer-feed")
    contracts = await acknowledge(pair, 300)
    barrier_id = await pair.ask()
    assert await pair.progress(barrier_id) == barrier.Progress("open", ("portfolio",))
    assert pair.applied == []
    await pair.start("portfolio")
    await until(lambda: pair.is_in(barrier_id, "reached"))
    assert sorted(pair.applied) == sorted(contracts)
    async with asyncio.timeout(240):  # the callback comes after the commit, which others may see before
        await pair.ended.wait()
    assert (await pair.progress(barrier_id)).waiting_for == ()


async def test_a_stopped_relay_holds_the_barrier(pair: Pair) -> None:
    """The portfolio has answered, but its answer and the events before it are still in its outbox."""
    await pair.start("dialer-feed")
    await acknowledge(pair, 10)
    barrier_id = await pair.ask()
    request = BarrierRequested(barrier_id=barrier_id, service="dialer-feed", round=1, markers=1)
    pair.portfolio.partitions = {Lane.EVENTS: 4, Lane.BULK: 4}
    await apply_records(pair.portfolio, pair._answerer(), [record_of(request)])
    assert len(await published(pair.portfolio, ContractClosed)) == 10
    assert await pair.is_in(barrier_id, "open")
    await pair.start("portfolio")
    await until(lambda: pair.is_in(barrier_id, "reached"))
    assert len(pair.applied) == 10


async def test_requests_while_a_barrier_is_open_share_the_next_one(pair: Pair) -> None:
    await pair.start("dialer-feed")
    first, second, third = await pair.ask(), await pair.ask(), await pair.ask()
    assert first != second == third
    assert [(await pair.progress(one)).state for one in (first, second)] == ["open", "waiting"]
    late = await acknowledge(pair, 1)
    await pair.start("portfolio")
    await until(lambda: pair.is_in(second, "reached"))
    assert pair.applied == late


async def test_members_that_apply_the_last_markers_at_once_reach_the_barrier(pair: Pair) -> None:
    """Their transactions count markers at the same time: one of them must see that all have come."""
    consumer = pair._feed_consumer()
    pair.feed.service, pair.feed.partitions = "dialer-feed", {Lane.EVENTS: 4}
    barrier_id = await pair.ask()

    def marker(lane: Lane) -> BarrierReached:
        return BarrierReached(
            barrier_id=barrier_id, service="portfolio", via=lane, round=1, markers=4, asked_by="dialer-feed"
        )

    records = [record_of(marker(lane)) for lane in (Lane.EVENTS, Lane.BULK) for _ in range(4)]
    await asyncio.gather(*(apply_records(pair.feed, consumer, [record]) for record in records))
    assert await pair.is_in(barrier_id, "reached")


async def test_a_marker_that_comes_twice_counts_once(pair: Pair) -> None:
    consumer = pair._feed_consumer()
    pair.feed.service, pair.feed.partitions = "dialer-feed", {Lane.EVENTS: 4}
    barrier_id = await pair.ask()
    marker = record_of(
        BarrierReached(barrier_id=barrier_id, service="portfolio", round=1, markers=2, asked_by="dialer-feed")
    )
    await apply_records(pair.feed, consumer, [marker, marker])
    await apply_records(pair.feed, consumer, [marker])
    assert await pair.is_in(barrier_id, "open")


async def test_an_unanswered_barrier_fails_and_names_the_late_services(pair: Pair) -> None:
    pair.feed.service, pair.feed.partitions = "dialer-feed", {Lane.EVENTS: 4}
    barrier_id, following = await pair.ask(), await pair.ask()
    assert not await barrier.expire(pair.feed)
    async with pair.feed.transaction() as tx:
        await tx.execute(
            "UPDATE barrier SET opened_at = opened_at - interval '15 minutes 1 second' WHERE state = 'open'"
        )
    assert await barrier.expire(pair.feed)
    assert await pair.progress(barrier_id) == barrier.Progress("failed", ("portfolio",))
    assert await pair.is_in(following, "open")
    assert len(await published(pair.feed, BarrierRequested)) == 8


async def test_a_barrier_request_that_has_timed_out_is_not_answered(pair: Pair) -> None:
    pair.portfolio.partitions = {Lane.EVENTS: 4}
    request = BarrierRequested(barrier_id=uuid4(), service="dialer-feed", round=1, markers=1)
    asked = datetime.now(UTC) - barrier.TIMEOUT - timedelta(seconds=1)
    await apply_records(pair.portfolio, pair._answerer(), [record_of(request, occurred_at=asked)])
    assert await published(pair.portfolio, BarrierReached) == []


async def test_a_barrier_is_answered_when_its_request_has_come_on_every_partition(pair: Pair) -> None:
    """Before that, facts of the asker may still be on their way."""
    pair.portfolio.partitions = {Lane.EVENTS: 4, Lane.BULK: 4}
    barrier_id = uuid4()
    urgent, bulk = (
        BarrierRequested(barrier_id=barrier_id, service="dialer-feed", via=lane, round=1, markers=3)
        for lane in (Lane.EVENTS, Lane.BULK)
    )
    consumer = pair._answerer()
    await apply_records(pair.portfolio, consumer, [record_of(one) for one in (urgent, urgent, bulk, bulk, bulk)])
    assert await published(pair.portfolio, BarrierReached) == []
    await apply_records(pair.portfolio, consumer, [record_of(urgent)])
    async with pair.portfolio.connection() as connection:
        lanes = await connection.fetch(
            "SELECT partition FROM outbox_events UNION ALL SELECT partition FROM outbox_bulk ORDER BY 1"
        )
    assert [row["partition"] for row in lanes] == [0, 0, 1, 1, 2, 2, 3, 3]
