"""After a restore a service raises its versions, reads again what it had lost, then republishes its state to all."""

from collections.abc import Awaitable, Callable

import pytest
from recobro_events import Consumer, Database, Runtime, rebuilding, restoring
from recobro_events._database.transaction import Transaction
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.runtime import BarrierRequested
from recobro_events.memory import MemoryTransport
from recobro_events.rebuilding import Source
from recobro_events.testing import published
from toy_services import until


@pytest.fixture
async def database(new_database: Callable[[], Awaitable[Database]]) -> Database:
    database = await new_database()
    async with database.transaction() as tx:
        await tx.execute(
            "CREATE TABLE balance (n integer, version bigint NOT NULL DEFAULT first_version(), other bigint)"
        )
        await tx.execute("INSERT INTO balance (n, version, other) VALUES (1, 7, 7), (2, (3::bigint << 40) + 9, 9)")
    return database


async def nothing_to_republish(_tx: Transaction, _after: str) -> None:
    return None


SOURCE = Source(nothing_to_republish, versions={"balance": ["version"]})


async def versions(database: Database) -> list[tuple[int, int, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT n, version >> 40, version & ((1::bigint << 40) - 1) FROM balance ORDER BY n"
        )
    return [tuple(row) for row in rows]


async def mark_restored(database: Database, replaced_epoch: int) -> int:
    async with database.transaction() as tx:
        return await tx.fetchval(restoring.MARK_RESTORED, replaced_epoch)  # type: ignore[no-any-return]


async def test_a_restore_raises_versions_to_a_new_epoch_once(database: Database) -> None:
    assert not await restoring.finish(database, SOURCE), "nothing was restored"
    assert await mark_restored(database, 3) == 4
    assert await restoring.finish(database, SOURCE)
    assert not await restoring.finish(database, SOURCE)
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO balance (n) VALUES (3)")
        assert await tx.fetchval("SELECT array_agg(other ORDER BY n) FROM balance") == [7, 9, None]
    assert await versions(database) == [(1, 4, 7), (2, 4, 9), (3, 4, 0)]


async def test_each_restore_has_a_greater_epoch_than_all_before(database: Database) -> None:
    """The backup may be older than an earlier restore, so the epoch of the replaced database counts too."""
    assert await mark_restored(database, 0) == 1
    assert await mark_restored(database, 8) == 9
    async with database.connection() as connection:
        assert await connection.fetchval(restoring.EPOCH_WHEN_NONE_IS_LEFT) > 300


async def test_a_restored_service_republishes_only_after_a_barrier(
    database: Database, new_database: Callable[[], Awaitable[Database]]
) -> None:
    """It requests a barrier and republishes when that is reached."""
    audiences: list[str] = []

    async def republish(tx: Transaction, after: str) -> str | None:
        assert tx.audience is not None
        audiences.append(tx.audience)
        return None if after else "all"

    await mark_restored(database, 0)
    transport = MemoryTransport(2)
    consumer = Consumer("dialer-feed", listens_to=("portfolio",))
    runtime = Runtime("dialer-feed", database, transport, consumer, source=Source(republish))
    await runtime.start()

    async def has_requested_a_barrier() -> bool:
        async with database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM barrier WHERE state = 'open'") == 1  # type: ignore[no-any-return]

    await until(has_requested_a_barrier)
    assert not await rebuilding.republish_next(database, consumer, Source(republish))
    assert audiences == []
    other = await new_database()
    answering = Runtime("portfolio", other, transport, Consumer("portfolio", listens_to=("dialer-feed",)))
    await answering.start()

    async def has_republished() -> bool:
        return audiences == ["*", "*"]

    await until(has_republished)
    await answering.stop()
    await runtime.stop()
    assert await published(database, PaymentClaimed) == []
    assert await published(database, BarrierRequested) == []
