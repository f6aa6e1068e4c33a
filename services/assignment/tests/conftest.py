"""Fixtures of assignment's tests: one PostgreSQL database for all tests, emptied before each test."""

from collections.abc import AsyncIterator

import httpx
import pytest
from assignment.main import build_app
from assignment.settings import AssignmentSettings
from chassis.process import Role
from chassis.testing import client_of, mint, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from placing_scene import Scene
from recobro_events import Database, Lane

LANES = (Lane.EVENTS, Lane.BULK)


@pytest.fixture(scope="session")
async def migrated_dsn(databases: FreshDatabases) -> str:
    """A migrated database. All tests share it, because creating one takes longer than most tests."""
    return await databases.migrated("assignment.migrations")


@pytest.fixture(scope="session")
async def kept(migrated_dsn: str) -> AsyncIterator[KeptDatabase]:
    async with kept_database(migrated_dsn, "assignment", *LANES, max_connections=20) as database:
        yield database


@pytest.fixture
async def database(kept: KeptDatabase) -> Database:
    """The open database, as empty as after the migrations."""
    return await kept.emptied()


@pytest.fixture(scope="session")
async def app(migrated_dsn: str) -> AsyncIterator[FastAPI]:
    """The app without an event log and without work in the background, which would be done while a test looks."""
    settings = AssignmentSettings(**test_settings(migrated_dsn, service="assignment").model_dump())
    async with kept_database(migrated_dsn, "assignment", *LANES) as own:
        app = build_app(settings, own, runtime=None, role=Role.API)
        async with app.router.lifespan_context(app):
            yield app


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """A client with an operator's token."""
    async with client_of(app, mint()) as client:
        yield client


@pytest.fixture
async def scene(database: Database, client: httpx.AsyncClient) -> Scene:
    """A scene with one portfolio at ``DAY`` and nothing else."""
    scene = Scene(database, client)
    await scene.portfolio()
    return scene
