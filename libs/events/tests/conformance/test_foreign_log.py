"""An empty database does not continue the log of another database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from recobro_events import Database, Runtime
from toy_services import Scene, read_all, until

NewDatabase = Callable[[], Awaitable[Database]]


@asynccontextmanager
async def running(scene: Scene, database: Database) -> AsyncIterator[Runtime]:
    """The publisher's runtime over this database, with its own connection to the scene's log."""
    runtime = Runtime(scene.publisher.name, database, await scene.log.connect(), None)
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def is_empty(database: Database) -> bool:
    async with database.connection() as connection:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox_events)")


async def test_an_empty_database_waits_and_reports_why_until_somebody_decides(
    scene: Scene, new_database: NewDatabase
) -> None:
    async with running(scene, scene.publisher_database) as runtime:
        await scene.publisher.publish(scene.publisher_database, [(uuid4(), 1)])
        await until(lambda: is_empty(scene.publisher_database))
        assert runtime.problems() == []
    other = await new_database()
    async with running(scene, other) as runtime:
        await until(lambda: has_problem(runtime, "already holds facts of " + scene.publisher.name))
        await scene.publisher.publish(other, [(uuid4(), 2)])
        await asyncio.sleep(1.5)
        assert not await is_empty(other)
        async with other.transaction() as tx:
            await tx.execute("UPDATE epoch SET restored_at = now()")
        await until(lambda: is_empty(other))
        assert runtime.problems() == []
    assert len(await read_all(scene, [scene.publisher.topic()], 2)) == 2


async def test_a_database_that_has_used_the_log_continues(scene: Scene) -> None:
    """Also if it died with events in the log and without a position in any topic."""
    for number in range(2):
        async with running(scene, scene.publisher_database) as runtime:
            await scene.publisher.publish(scene.publisher_database, [(uuid4(), number)])
            await until(lambda: is_empty(scene.publisher_database))
            assert runtime.problems() == []


async def has_problem(runtime: Runtime, text: str) -> bool:
    return any(text in problem for problem in runtime.problems())
