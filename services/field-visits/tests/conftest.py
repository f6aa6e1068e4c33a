"""Fixtures of field-visits's tests: one PostgreSQL database for all tests, emptied before each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from chassis.process import Role
from chassis.storage import FileStorage
from chassis.testing import client_of, mint, test_settings
from documents.press import Press
from fastapi import FastAPI
from field_visits.documents import TEMPLATES
from field_visits.main import build_app
from field_visits.settings import FieldVisitsSettings
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from printed_documents import RecordingPress
from recobro_events import Database, Lane
from visits_scene import Scene

LANES = (Lane.EVENTS,)


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A migrated database. All tests share it, because creating one takes longer than most tests."""
    return await databases.migrated("field_visits.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    async with kept_database(migrated_dsn, "field-visits", *LANES, max_connections=20) as database:
        yield database


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """The open database, as empty as after the migrations."""
    return await kept.emptied()


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    return tmp_path / "photos of visits"


@pytest.fixture(scope="session")
async def built(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The app without an event log. Only tests delete erased photos."""
    settings = FieldVisitsSettings(**test_settings(migrated_dsn, service="field-visits").model_dump())
    async with kept_database(migrated_dsn, "field-visits", *LANES) as served:
        app = build_app(settings, served, runtime=None, role=Role.API, poll_seconds=10**6)
        async with app.router.lifespan_context(app):
            yield app


@pytest.fixture
async def app(built: FastAPI, photo_folder: Path) -> AsyncIterator[FastAPI]:
    """The app with a photo storage and a press for this test only."""
    built.state.photo_storage = FileStorage(photo_folder.as_uri(), ".jpg")
    built.state.press = press = Press(TEMPLATES)
    async with press.running():
        yield built


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """A client with an operator's token."""
    async with client_of(app, mint()) as client:
        yield client


@pytest.fixture
async def scene(database: Database, client: httpx.AsyncClient) -> Scene:
    """A scene with one portfolio staged to ``DAY`` and nothing else."""
    scene = Scene(database, client)
    await scene.receives(scene.portfolio_state())
    return scene


@pytest.fixture
def press(app: FastAPI) -> RecordingPress:
    press = RecordingPress()
    app.state.press = press
    return press
