"""A database that was restored from a backup: greater versions, said to everyone, after what was lost has been read."""

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
        await tx.execute("CREATE TABLE dish (n integer, version bigint NOT NULL DEFAULT first_version(), other bigint)")
        await tx.execute("INSERT INTO dish (n, version, other) VALUES (1, 7, 7), (2, (3::bigint << 40) + 9, 9)")
    return database


async def nothing_to_say(_tx: Transaction, _after: str) -> None:
    return None


SOURCE = Source(nothing_to_say, versions={"dish": ["version"]})


async def versions(database: Database) -> list[tuple[int, int, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT n, version >> 40, version & ((1::bigint << 40) - 1) FROM dish ORDER BY n")
    return [tuple(row) for row in rows]


async def mark_restored(database: Database, replaced_epoch: int) -> int:
    async with database.transaction() as tx:
        return await tx.fetchval(restoring.MARK_RESTORED, replaced_epoch)  # type: ignore[no-any-return]


async def test_versions_rise_to_a_new_epoch_once_and_new_rows_begin_there(database: Database) -> None:
    assert not await restoring.finish(database, SOURCE), "nothing was restored"
    assert await mark_restored(database, 3) == 4
    assert await restoring.finish(database, SOURCE)
    assert not await restoring.finish(database, SOURCE)
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO dish (n) VALUES (3)")
        assert await tx.fetchval("SELECT array_agg(other ORDER BY n) FROM dish") == [7, 9, None]
    assert await versions(database) == [(1, 4, 7), (2, 4, 9), (3, 4, 0)]


async def test_each_restore_has_an_epoch_above_all_that_were(database: Database) -> None:
    """The backup may be older than an earlier restore: the replaced database tells what it had counted to."""
    assert await mark_restored(database, 0) == 1
    assert await mark_restored(database, 8) == 9
    async with database.connection() as connection:
        assert await connection.fetchval(restoring.EPOCH_WHEN_NONE_IS_LEFT) > 300


async def test_nothing_is_said_before_what_was_lost_has_been_read_again(
    database: Database, new_database: Callable[[], Awaitable[Database]]
) -> None:
    """It asks for a barrier, and speaks when that has been reached."""
    said: list[str] = []

    async def say(tx: Transaction, after: str) -> str | None:
        assert tx.audience is not None
        said.append(tx.audience)
        return None if after else "all"

    await mark_restored(database, 0)
    transport = MemoryTransport(2)
    consumer = Consumer("dialer-feed", listens_to=("portfolio",))
    runtime = Runtime("dialer-feed", database, transport, consumer, source=Source(say))
    await runtime.start()

    async def has_asked() -> bool:
        async with database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM barrier WHERE state = 'open'") == 1  # type: ignore[no-any-return]

    await until(has_asked)
    assert not await rebuilding.republish_next(database, consumer, Source(say))
    assert said == []
    other = await new_database()
    answering = Runtime("portfolio", other, transport, Consumer("portfolio", listens_to=("dialer-feed",)))
    await answering.start()

    async def has_said() -> bool:
        return said == ["*", "*"]

    await until(has_said)
    await answering.stop()
    await runtime.stop()
    assert await published(database, PaymentClaimed) == []
    assert await published(database, BarrierRequested) == []
