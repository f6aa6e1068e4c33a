"""promises on a real PostgreSQL: one database for all of its tests, emptied before each."""

from collections.abc import AsyncIterator

import httpx
import pytest
from chassis import clock
from chassis.process import Role
from chassis.testing import client_of, mint, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from promise_scene import Scene
from promises.main import build_app
from promises.settings import PromisesSettings
from recobro_events import Database, Lane

LANES = (Lane.EVENTS,)


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A database with the newest tables. All tests share it, because creating one takes longer than most tests."""
    return await databases.migrated("promises.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    async with kept_database(migrated_dsn, "promises", *LANES, max_connections=20) as database:
        yield database


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """The shared database, open and as empty as after the migrations."""
    return await kept.emptied()


@pytest.fixture(scope="session")
async def app(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The app on the scene's database, without an event log. Tests do the work of the promise watch by themselves."""
    settings = PromisesSettings(**test_settings(migrated_dsn, service="promises").model_dump())
    async with kept_database(migrated_dsn, "promises", *LANES) as served:
        app = build_app(settings, served, runtime=None, role=Role.API)
        async with app.router.lifespan_context(app):
            yield app


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """An operator's client."""
    async with client_of(app, mint()) as client:
        yield client


@pytest.fixture
async def scene(database: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene with one portfolio staged to ``DAY``, and a clock of its own."""
    scene = Scene(database, client)
    monkeypatch.setattr(clock, "now", lambda: scene.now)
    await scene.move_business_date(0)
    return scene


@pytest.fixture
async def watch(scene: Scene, app: FastAPI) -> AsyncIterator[None]:
    """The promise watch, at work on the scene's database as in the service."""
    whole = build_app(app.state.settings, scene.database, runtime=None)
    async with whole.router.lifespan_context(whole):
        yield
