"""A migrated database, emptied before each test, and clients of the service."""

from collections.abc import AsyncIterator

import httpx
import pytest
from chassis import create_app
from chassis.process import Role
from chassis.testing import client_for, mint, test_settings
from fresh_databases import FreshDatabases, KeptDatabase, kept_database
from portfolio.api import ROUTERS
from portfolio.main import build_app
from portfolio.settings import PortfolioSettings
from portfolio_builders import Given
from recobro_events import Database
from service_client import (
    ManualBankLoader,
    ManualLoader,
    ServiceClient,
    at_rest,
    read_in_thread,
    read_payments_in_thread,
)


@pytest.fixture(scope="session")
async def migrated(databases: FreshDatabases) -> AsyncIterator[KeptDatabase]:
    """The database that these tests share."""
    async with kept_database(await databases.migrated("portfolio.migrations"), "") as database:
        yield database


@pytest.fixture
async def database(migrated: KeptDatabase) -> Database:
    """The database with empty tables."""
    return await migrated.emptied()


@pytest.fixture
async def given(database: Database) -> Given:
    async with database.transaction() as tx:
        creditor_id = await tx.fetchval(
            "INSERT INTO creditor (name, kind, country) VALUES ('Banco', 'financial', 'MX') RETURNING creditor_id"
        )
    return Given(database, creditor_id)


@pytest.fixture(scope="session")
async def contracts_client(migrated: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        service="portfolio",
        title="Portfolio",
        settings=test_settings(migrated.dsn),
        database=Database(migrated.dsn),
        runtime=None,
        routers=ROUTERS,
        role=Role.API,
    )
    async with client_for(app, mint()) as client:
        yield client


@pytest.fixture
async def client(contracts_client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:  # noqa: ARG001
    """A client with every scope, on an empty database. No loader runs."""
    return contracts_client


@pytest.fixture(scope="session")
async def shared_service(migrated: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceClient]:
    loader = ManualLoader(migrated, intake=read_in_thread, chunk_contracts=1)
    bank = ManualBankLoader(migrated, intake=read_payments_in_thread, chunk_rows=2)
    receipts = tmp_path_factory.mktemp("receipts").as_uri()
    settings = PortfolioSettings(**test_settings(migrated.dsn).model_dump(), receipts_url=receipts)
    # Tests call ``judging.work`` and ``following.follow_all`` at the moment that they choose.
    app = build_app(settings, Database(migrated.dsn), None, loader, bank_loader=bank, poll_seconds=10**6)
    async with client_for(app, mint()) as client:
        yield ServiceClient(client, migrated, loader, bank, app.state.stager)


@pytest.fixture
async def service(shared_service: ServiceClient, database: Database) -> AsyncIterator[ServiceClient]:  # noqa: ARG001
    """The whole service on an empty database. It loads files when the test calls the loader, one contract a chunk."""
    yield shared_service
    # The stager does not work on in the next test's database.
    await at_rest(shared_service.stager)
