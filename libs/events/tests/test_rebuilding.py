"""Rebuilds: a service requests its sources' state, the sources republish it, and the last marker ends the rebuild."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from recobro_events import Consumer, Database, Lane, Runtime, Transaction, barrier, rebuilding
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.runtime import BarrierReached, ContractSetAside, RebuildRequested, StateRepublished
from recobro_events.memory import MemoryTransport
from recobro_events.rebuilding import Source
from recobro_events.testing import apply_events, published
from toy_services import until

PARTITIONS = 3


@dataclass
class Pair:
    """The dialer feed, which has claims, and the portfolio, which has missed them."""

    feed: Database
    portfolio: Database
    transport: MemoryTransport = field(default_factory=lambda: MemoryTransport(PARTITIONS))
    applied: list[tuple[UUID, str | None]] = field(default_factory=list)
    claims: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(25)])
    chunks: list[str] = field(default_factory=list)
    runtimes: list[Runtime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.feed_consumer = Consumer("dialer-feed", listens_to=("portfolio",))
        self.portfolio_consumer = Consumer("portfolio", listens_to=("dialer-feed",))
        self.portfolio_consumer.on(PaymentClaimed)(self._apply)

    async def _apply(self, claims: Sequence[PaymentClaimed], _tx: Transaction) -> None:
        self.applied += [(claim.contract_id, claim.envelope.audience) for claim in claims]

    async def republish(self, tx: Transaction, after: str) -> str | None:
        self.chunks.append(after)
        done = int(after or 0)
        if done >= len(self.claims):
            return None
        tx.publish(*(PaymentClaimed(contract_id=one) for one in self.claims[done : done + 10]))
        return str(done + 10)

    async def start(self, service: str) -> Runtime:
        of_feed = service == "dialer-feed"
        runtime = Runtime(
            service,
            self.feed if of_feed else self.portfolio,
            self.transport,
            self.feed_consumer if of_feed else self.portfolio_consumer,
            source=Source(self.republish) if of_feed else None,
        )
        self.runtimes.append(runtime)
        await runtime.start()
        return runtime

    async def ask(self) -> UUID:
        async with self.portfolio.transaction() as tx:
            return await rebuilding.request(tx, self.portfolio_consumer)

    async def progress(self, rebuild_id: UUID) -> rebuilding.Progress:
        async with self.portfolio.connection() as connection:
            return await rebuilding.progress(connection, rebuild_id)

    async def has_ended(self, rebuild_id: UUID) -> bool:
        return (await self.progress(rebuild_id)).ended_at is not None


@pytest.fixture
async def pair(new_database: Callable[[], Awaitable[Database]]) -> AsyncIterator[Pair]:
    pair = Pair(await new_database(), await new_database())
    yield pair
    for runtime in pair.runtimes:
        await runtime.stop()


async def test_a_rebuild_ends_when_all_republished_events_are_applied(pair: Pair) -> None:
    await pair.start("portfolio")
    rebuild_id = await pair.ask()
    assert await pair.ask() == rebuild_id, "one at a time"
    assert (await pair.progress(rebuild_id)).waiting_for == ("dialer-feed",)
    await pair.start("dialer-feed")
    await until(lambda: pair.has_ended(rebuild_id))
    assert pair.applied == [(one, "portfolio") for one in pair.claims] or sorted(pair.applied) == sorted(
        (one, "portfolio") for one in pair.claims
    )
    assert pair.chunks == ["", "10", "20", "30"]
    assert (await pair.progress(rebuild_id)).waiting_for == ()


async def test_a_rebuild_stays_open_until_the_last_marker_is_applied(pair: Pair) -> None:
    pair.portfolio.service = "portfolio"
    pair.portfolio.partitions = {Lane.EVENTS: PARTITIONS}
    rebuild_id = await pair.ask()

    async def apply_markers(
        markers: int, rebuild: UUID = rebuild_id, asked_by: str = "portfolio", via: Lane = Lane.EVENTS
    ) -> None:
        marker = StateRepublished(
            barrier_id=rebuild, service="dialer-feed", via=via, round=1, markers=PARTITIONS, asked_by=asked_by
        )
        await apply_events(pair.portfolio, pair.portfolio_consumer, *[marker] * markers)

    await apply_markers(PARTITIONS, via=Lane.BULK)
    await apply_markers(PARTITIONS - 1)
    await apply_markers(PARTITIONS, rebuild=uuid4())
    await apply_markers(1, asked_by="promises")
    assert not await pair.has_ended(rebuild_id)
    await apply_markers(1)
    assert await pair.has_ended(rebuild_id)


async def test_a_source_republishes_which_contracts_it_has_set_aside(pair: Pair) -> None:
    """A rebuilt service must know of which contracts the source has set events aside."""
    contract_id = uuid4()
    async with pair.feed.transaction() as tx:
        await tx.execute(
            "INSERT INTO parked_keys (key, contract_id, consumer) VALUES ($1::uuid::text, $1::uuid, 'any')",
            contract_id,
        )
    pair.feed.service = "dialer-feed"
    pair.feed.partitions = {Lane.EVENTS: PARTITIONS}
    await apply_events(
        pair.feed,
        pair.feed_consumer,
        RebuildRequested(rebuild_id=uuid4(), service="portfolio", sources=("dialer-feed", "promises")),
        RebuildRequested(rebuild_id=uuid4(), service="assignment", sources=("promises",)),
    )
    assert await rebuilding.republish_next(pair.feed, pair.feed_consumer, None)
    [aside] = await published(pair.feed, ContractSetAside)
    assert (aside.contract_id, aside.envelope.audience) == (contract_id, "portfolio")
    assert len(await published(pair.feed, StateRepublished)) == PARTITIONS
    assert not await rebuilding.republish_next(pair.feed, pair.feed_consumer, None), (
        "only requests that name this service are carried out"
    )


async def test_republishing_waits_for_a_full_outbox_and_for_another_process(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.feed.service = "dialer-feed"
    pair.feed.partitions = {Lane.EVENTS: PARTITIONS}
    source = Source(pair.republish)
    asked = RebuildRequested(rebuild_id=uuid4(), service="portfolio", sources=("dialer-feed",))
    await apply_events(pair.feed, pair.feed_consumer, asked)
    monkeypatch.setattr(rebuilding, "WAITING_ROWS", 15)
    assert await rebuilding.republish_next(pair.feed, pair.feed_consumer, source)
    assert await rebuilding.republish_next(pair.feed, pair.feed_consumer, source)
    assert not await rebuilding.republish_next(pair.feed, pair.feed_consumer, source)
    async with pair.feed.transaction() as tx:
        await tx.execute("DELETE FROM outbox_events")
    async with pair.feed.transaction() as tx:
        await tx.execute("SELECT FROM republication FOR UPDATE")
        assert not await rebuilding.republish_next(pair.feed, pair.feed_consumer, source)
    assert await rebuilding.republish_next(pair.feed, pair.feed_consumer, source)
    assert pair.chunks == ["", "10", "20"]


async def test_no_barrier_is_answered_during_a_rebuild_and_all_are_after_it(pair: Pair) -> None:
    go_on = asyncio.Event()
    held = pair.republish

    async def hold(tx: Transaction, after: str) -> str | None:
        await go_on.wait()
        return await held(tx, after)

    pair.republish = hold  # type: ignore[method-assign]
    await pair.start("portfolio")
    await pair.start("dialer-feed")
    rebuild_id = await pair.ask()
    async with pair.feed.transaction() as tx:
        barrier_id = await barrier.ask(tx, ["portfolio"], rounds=1)

    async def has_seen_the_request() -> bool:
        async with pair.portfolio.connection() as connection:
            seen = "SELECT seen FROM barrier_marker WHERE barrier_id = $1"
            return await connection.fetchval(seen, barrier_id) == PARTITIONS  # type: ignore[no-any-return]

    await until(has_seen_the_request)
    assert await published(pair.portfolio, BarrierReached) == []
    async with pair.portfolio.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM barrier_answer") == 0
    go_on.set()
    await until(lambda: pair.has_ended(rebuild_id))

    async def is_reached() -> bool:
        async with pair.feed.connection() as connection:
            return (await barrier.progress(connection, barrier_id)).state == "reached"

    await until(is_reached)
