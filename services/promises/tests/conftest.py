"""promises on a real PostgreSQL: one database for all of its tests, emptied before each."""

from collections.abc import AsyncIterator

import httpx
import pytest
from chassis.testing import client_for, mint, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase
from promise_scene import Scene
from promises.main import build_app
from promises.settings import PromisesSettings
from recobro_events import Database, Lane

# Deleting a few rows takes a tenth of the time that truncating as many tables does.
PARTITIONS = {Lane.EVENTS: 2}
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'DELETE FROM ' || quote_ident(name);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A database with the newest tables: making one for each test takes longer than most of them."""
    return await databases.migrated("promises.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    database = KeptDatabase(migrated_dsn, max_connections=20)
    database.service = "promises"
    database.partitions = PARTITIONS
    yield database
    await database.end()


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """Open, and as empty as after the migrations."""
    await kept.open()
    async with kept.transaction() as tx:
        await tx.execute(_EMPTY)
    return kept


@pytest.fixture(scope="session")
async def app(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The whole app on the scene's database, without an event log: started for each test, but built once."""
    settings = PromisesSettings(**test_settings(migrated_dsn, service="promises").model_dump())
    served = KeptDatabase(migrated_dsn)
    served.service = "promises"
    served.partitions = PARTITIONS
    yield build_app(settings, served, runtime=None)
    await served.end()


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """An operator's."""
    async with client_for(app, mint()) as client:
        yield client


@pytest.fixture
async def scene(database: Database, client: httpx.AsyncClient) -> Scene:
    """One portfolio staged to ``DAY``, nothing else."""
    scene = Scene(database, client)
    await scene.day_comes(0)
    return scene
