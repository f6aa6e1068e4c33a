"""dialer-feed on a real PostgreSQL: one database for all of its tests, emptied before each."""

from collections.abc import AsyncIterator

import httpx
import pytest
from chassis.process import Role
from chassis.testing import client_of, mint, test_settings
from dialer_feed.main import build_app
from dialer_feed.settings import DialerFeedSettings
from dialing_scene import Scene
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from recobro_events import Database, Lane

LANES = (Lane.EVENTS,)


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A database with the newest tables. All tests share it, because creating one takes longer than most tests."""
    return await databases.migrated("dialer_feed.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    async with kept_database(migrated_dsn, "dialer-feed", *LANES, max_connections=20) as database:
        yield database


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """The shared database, open and as empty as after the migrations."""
    return await kept.emptied()


@pytest.fixture
async def scene(database: Database) -> Scene:
    """A scene with one portfolio staged to ``DAY`` and one campaign."""
    scene = Scene(database)
    await scene.portfolio()
    scene.campaign_id = await scene.campaign()
    return scene


@pytest.fixture(scope="session")
async def app(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The app without an event log. Tests build lists by themselves: no builder does it while a test looks."""
    settings = test_settings(migrated_dsn, service="dialer-feed")
    own = DialerFeedSettings(**settings.model_dump(), list_wait_seconds=240)
    async with kept_database(migrated_dsn, "dialer-feed", *LANES) as database:
        app = build_app(own, database, runtime=None, role=Role.API)
        async with app.router.lifespan_context(app):
            yield app


@pytest.fixture
async def client(app: FastAPI, scene: Scene) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """An operator's client, on the scene's database."""
    async with client_of(app, mint()) as client:
        yield client


@pytest.fixture
def calls_of_any_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of ``DAY`` are taken, however long ago that is."""
    monkeypatch.setattr("dialer_feed.calls.matching.OLDEST_DAYS", 36_500)
