"""An empty database does not go on where another has left off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from recobro_events import Database, Runtime
from toy_services import Scene, read_all, until

NewDatabase = Callable[[], Awaitable[Database]]


@asynccontextmanager
async def running(scene: Scene, database: Database) -> AsyncIterator[Runtime]:
    """The publisher's process over this database, and the log of the scene as another process has it."""
    runtime = Runtime(scene.publisher.name, database, await scene.log.connect(), None)
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def is_empty(database: Database) -> bool:
    async with database.connection() as connection:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox_events)")


async def test_it_waits_and_says_why_until_somebody_decides(scene: Scene, new_database: NewDatabase) -> None:
    async with running(scene, scene.publisher_database) as runtime:
        await scene.publisher.publish(scene.publisher_database, [(uuid4(), 1)])
        await until(lambda: is_empty(scene.publisher_database))
        assert runtime.problems() == []
    other = await new_database()
    async with running(scene, other) as runtime:
        await until(lambda: tells(runtime, "already holds facts of " + scene.publisher.name))
        await scene.publisher.publish(other, [(uuid4(), 2)])
        await asyncio.sleep(1.5)
        assert not await is_empty(other)
        async with other.transaction() as tx:
            await tx.execute("UPDATE epoch SET restored_at = now()")
        await until(lambda: is_empty(other))
        assert runtime.problems() == []
    assert len(await read_all(scene, [scene.publisher.topic()], 2)) == 2


async def test_who_has_begun_goes_on(scene: Scene) -> None:
    """Even when it died with nothing but facts in the log, and no place of its own in anybody else's."""
    for number in range(2):
        async with running(scene, scene.publisher_database) as runtime:
            await scene.publisher.publish(scene.publisher_database, [(uuid4(), number)])
            await until(lambda: is_empty(scene.publisher_database))
            assert runtime.problems() == []


async def tells(runtime: Runtime, what: str) -> bool:
    return any(what in problem for problem in runtime.problems())
