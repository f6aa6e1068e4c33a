"""The toy service on a real PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import chassis.schema
import httpx
import pytest
from chassis.process import Role
from chassis.testing import client_for, mint
from fastapi import FastAPI
from fresh_databases import FreshDatabases
from recobro_events import Database
from toy_service import TABLES, Toy, toy_app


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="session")
async def running(toy_dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one toy, shared by the tests that change nothing in it. Starting a toy takes longer than a test.

    The toy seals no entries of other tests.
    """
    async with client_for(toy_app(Toy(), Database(toy_dsn), role=Role.API), mint()) as client:
        yield client


@pytest.fixture(scope="session")
async def toy_dsn(databases: FreshDatabases) -> str:
    """One database for all tests of this folder. Creating one takes longer than most of the tests."""
    dsn = await databases.with_runtime()
    connection = await asyncpg.connect(dsn)
    await connection.execute(chassis.schema.CREATE + chassis.schema.AUDIT + chassis.schema.AUDIT_PRUNED + TABLES)
    await connection.close()
    return dsn


@pytest.fixture
async def service_dsn(toy_dsn: str) -> str:
    """The toy's database in its first state."""
    connection = await asyncpg.connect(toy_dsn)
    # TRUNCATE would wait for every reader.
    await connection.execute(
        "DELETE FROM entry; DELETE FROM idempotent_answer; DELETE FROM outbox_events; UPDATE counter SET value = 0;"
        "DELETE FROM audit_entry; DELETE FROM audit_unsealed; DELETE FROM audit_seal; DELETE FROM audit_pruned",
        timeout=240,
    )
    await connection.close()
    return toy_dsn


@pytest.fixture
def database(service_dsn: str) -> Database:
    return Database(service_dsn, max_connections=4)


@pytest.fixture
def app(toy: Toy, database: Database) -> FastAPI:
    @asynccontextmanager
    async def own_lifespan() -> AsyncIterator[None]:
        toy.order.append("own started")
        yield
        toy.order.append("own stopped")

    return toy_app(toy, database, own_lifespan)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(app, mint()) as started:
        yield started


@pytest.fixture
async def look(service_dsn: str) -> AsyncIterator[Any]:
    """Another session's view of the database, which sees only what is committed."""
    connection = await asyncpg.connect(service_dsn)
    yield connection
    await connection.close()
