"""assignment on a real PostgreSQL: one database for all of its tests, emptied before each."""

from collections.abc import AsyncIterator

import httpx
import pytest
from assignment.main import build_app
from assignment.settings import AssignmentSettings
from chassis.testing import client_for, mint, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase
from placing_scene import Scene
from recobro_events import Database, Lane

# Deleting a few rows takes a tenth of the time that truncating as many tables does.
PARTITIONS = {Lane.EVENTS: 2, Lane.BULK: 2}
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
    return await databases.migrated("assignment.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    database = KeptDatabase(migrated_dsn, max_connections=20)
    database.service = "assignment"
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
    """The whole app, without an event log: started for each test, but built once."""
    settings = AssignmentSettings(**test_settings(migrated_dsn, service="assignment").model_dump())
    own = KeptDatabase(migrated_dsn)
    own.service = "assignment"
    own.partitions = PARTITIONS
    yield build_app(settings, own, runtime=None)
    await own.end()


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """An operator's."""
    async with client_for(app, mint()) as client:
        yield client


@pytest.fixture
async def scene(database: Database, client: httpx.AsyncClient) -> Scene:
    """One portfolio at ``DAY``, nothing else."""
    scene = Scene(database, client)
    await scene.portfolio()
    return scene
