"""Services of a kitchen, for tests: one publishes, others consume, each with its own database."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from recobro.postgres import EmbeddedPostgres
from recobro_events import Database
from recobro_events.schema import CREATE

NewDatabase = Callable[[], Awaitable[Database]]


@pytest.fixture
async def new_database(postgres: EmbeddedPostgres) -> AsyncIterator[NewDatabase]:
    """Opens a database of its own, with the runtime's tables, each time it is called."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    opened: list[tuple[str, Database]] = []

    async def create() -> Database:
        name = f"test_{uuid.uuid4().hex}"
        await admin.execute(f"CREATE DATABASE {name}")
        connection = await asyncpg.connect(postgres.dsn(name))
        await connection.execute(CREATE)
        await connection.close()
        database = Database(postgres.dsn(name))
        await database.open()
        opened.append((name, database))
        return database

    yield create
    for name, database in opened:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
