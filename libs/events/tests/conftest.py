"""Fixtures for the tests of the event runtime."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fresh_databases import FreshDatabases
from recobro_events import Database

NewDatabase = Callable[[], Awaitable[Database]]


@pytest.fixture
async def new_database(databases: FreshDatabases) -> AsyncIterator[NewDatabase]:
    """Opens a database of its own, with the runtime's tables, each time it is called."""
    opened: list[Database] = []

    async def create() -> Database:
        database = Database(await databases.with_runtime())
        await database.open()
        opened.append(database)
        return database

    yield create
    for database in opened:
        await database.close()
    await databases.drop(*(database.dsn for database in opened))
