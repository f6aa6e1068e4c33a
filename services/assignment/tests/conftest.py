"""assignment on a real PostgreSQL: one database for all of its tests, emptied before each."""

from collections.abc import AsyncIterator

import httpx
import pytest
from assignment.main import build_app
from assignment.settings import AssignmentSettings
from chassis.testing import client_for, mint, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from placing_scene import Scene
from recobro_events import Database, Lane

LANES = (Lane.EVENTS, Lane.BULK)


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A database with the newest tables: making one for each test takes longer than most of them."""
    return await databases.migrated("assignment.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    async with kept_database(migrated_dsn, "assignment", *LANES, max_connections=20) as database:
        yield database


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """Open, and as empty as after the migrations."""
    return await kept.emptied()


@pytest.fixture(scope="session")
async def app(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The whole app, without an event log: started for each test, but built once."""
    settings = AssignmentSettings(**test_settings(migrated_dsn, service="assignment").model_dump())
    async with kept_database(migrated_dsn, "assignment", *LANES) as own:
        yield build_app(settings, own, runtime=None)


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
