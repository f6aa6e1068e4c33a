"""The floor of an outbox: no row can appear up to it, so the relay fetches from there on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from recobro_events import Database, Lane
from recobro_events._outbox.floor import Floor
from recobro_events.contracts.dialer_feed import PaymentClaimed

_INSERT = "INSERT INTO outbox_events (type, key, body) VALUES ('a.b.v1', 'k', '{}') RETURNING id"


class Outbox:
    """An outbox, its floor, and other connections that write into it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.floor = Floor(Lane.EVENTS, self._query)
        self.connections: list[Any] = []

    async def _query(self, method: str, sql: str, *arguments: Any) -> Any:
        return await getattr(self.connections[0], method)(sql, *arguments)

    async def connect(self) -> Any:
        self.connections.append(await asyncpg.connect(self.database.dsn))
        return self.connections[-1]

    async def floor_after_rising(self) -> int:
        for _ in range(4):
            await self.floor.rise()
        return self.floor.id


@pytest.fixture
async def outbox(new_database: Callable[[], Awaitable[Database]]) -> AsyncIterator[Outbox]:
    outbox = Outbox(await new_database())
    await outbox.connect()
    yield outbox
    for connection in outbox.connections:
        await connection.close()


async def test_the_floor_rises_to_the_last_id_once_all_rows_are_published(outbox: Outbox) -> None:
    assert await outbox.floor_after_rising() == 0
    async with outbox.database.transaction() as tx:
        tx.publish(*(PaymentClaimed(contract_id=uuid4()) for _ in range(5)))
    assert await outbox.floor_after_rising() == 0, "the waiting rows are above the floor"
    await outbox.connections[0].execute("DELETE FROM outbox_events WHERE id <> 3")
    assert await outbox.floor_after_rising() == 2
    await outbox.connections[0].execute("DELETE FROM outbox_events")
    assert await outbox.floor_after_rising() == 5


async def test_the_floor_stays_below_ids_that_have_yet_to_commit(outbox: Outbox) -> None:
    """Identity order is not commit order: the smaller id commits last."""
    slow = await outbox.connect()
    await slow.execute("BEGIN")
    assert await slow.fetchval(_INSERT) == 1
    await outbox.connections[0].execute(f"{_INSERT}")
    await outbox.connections[0].execute("DELETE FROM outbox_events WHERE id = 2")
    assert await outbox.floor_after_rising() == 0
    await slow.execute("COMMIT")
    assert await outbox.floor_after_rising() == 0
    await outbox.connections[0].execute("DELETE FROM outbox_events")
    assert await outbox.floor_after_rising() == 2


async def test_the_floor_stays_below_an_id_that_was_taken_and_not_yet_written(outbox: Outbox) -> None:
    """The first moment of an insert: it holds its lock and its id, but has neither a row nor a transaction id."""
    slow = await outbox.connect()
    await slow.execute("BEGIN; LOCK TABLE outbox_events IN ROW EXCLUSIVE MODE")
    taken = await slow.fetchval("SELECT nextval('outbox_events_id_seq')")
    await outbox.connections[0].execute(_INSERT)
    await outbox.connections[0].execute("DELETE FROM outbox_events")
    assert await outbox.floor_after_rising() < taken
    await slow.execute(
        "INSERT INTO outbox_events (id, type, key, body) OVERRIDING SYSTEM VALUE"
        f" VALUES ({taken}, 'a.b.v1', 'k', '{{}}')"
    )
    await slow.execute("COMMIT")
    assert await outbox.floor_after_rising() < taken
    assert (
        await outbox.connections[0].fetchval("SELECT count(*) FROM outbox_events WHERE id > $1", outbox.floor.id) == 1
    )


async def test_an_old_snapshot_does_not_hold_the_floor_down(outbox: Outbox) -> None:
    reader = await outbox.connect()
    await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM outbox_events")
    await outbox.connections[0].execute(_INSERT)
    await outbox.connections[0].execute("DELETE FROM outbox_events")
    assert await asyncio.wait_for(outbox.floor_after_rising(), 240) == 1
