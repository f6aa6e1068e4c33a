"""All services in one process over one event log. A test starts and stops each of them.

The log is in memory, so a test can stop, shorten and read it. The databases are real.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
from chassis import Role
from chassis.testing import client_for, mint, test_settings
from fresh_databases import FreshDatabases
from recobro.log_settings import program_of
from recobro_events import Database, Row, Runtime, Transport
from recobro_events.memory import MemoryTransport
from recobro_platform import SERVICES

AS_OF = date(2026, 11, 22)
ANY_AMOUNT = {"promise_limits": {"min_share_percent": "0"}}
PARTITIONS = 3


PROGRAMS = {service.name: program_of(service) for service in SERVICES}


class InProcessPlatform:
    """Starts and stops services, sends requests to the running ones, and queries the databases of all."""

    def __init__(self, databases: FreshDatabases) -> None:
        self.transport = MemoryTransport(PARTITIONS)
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.runtimes: dict[str, Runtime] = {}
        self.dsns: dict[str, str] = {}
        """The DSN of each service's database."""
        self.databases: dict[str, Database] = {}
        """The database of each service that runs, with its topics' partitions."""
        self.sources = {service: program.source for service, program in PROGRAMS.items()}
        self._databases = databases
        self._connections: dict[str, asyncpg.Connection[Any]] = {}
        self._query_lock = asyncio.Lock()
        self._running: dict[str, AsyncExitStack] = {}
        self._files = TemporaryDirectory()

    async def create(self, service: str) -> None:
        """Give the service a new, empty database with its tables."""
        self.dsns[service] = await self._databases.migrated(PROGRAMS[service].migrations)

    def log_of(self, service: str) -> Transport:  # noqa: ARG002 - all services read one log
        return self.transport

    async def copy(self, service: str) -> str:
        """Copy the database of a stopped service, and return the copy's DSN."""
        await self.close_connections(self.dsns[service])
        return await self._databases.copy(self.dsns[service])

    async def close_connections(self, *dsns: str) -> None:
        """Close the connections that ``rows`` has opened."""
        for dsn in dsns:
            if dsn in self._connections:
                await self._connections.pop(dsn).close()

    async def end(self) -> None:
        await self.stop()
        await self.close_connections(*list(self._connections))
        await self._databases.drop(*self.dsns.values())
        self._files.cleanup()

    async def start(self, *services: str) -> None:
        for service in services:
            program = PROGRAMS[service]
            # Beside a whole suite, a connection takes longer to open than a caller would wait.
            database = Database(self.dsns[service], acquire_timeout_seconds=60)
            runtime = Runtime(
                service,
                database,
                self.log_of(service),
                program.consumer,
                on_barrier=program.on_barrier,
                agencies=program.agencies,
                source=self.sources[service],
            )
            known = test_settings(self.dsns[service], service=service).model_dump()
            stored = dict.fromkeys(("photos_url", "receipts_url"), Path(self._files.name).as_uri())
            settings = program.settings(**known | stored)
            self.databases[service] = database
            stack = AsyncExitStack()
            app = program.build(settings, database, runtime, Role.ALL)
            self.clients[service] = await stack.enter_async_context(client_for(app, mint()))
            self.runtimes[service] = runtime
            self._running[service] = stack

    async def stop(self, *services: str) -> None:
        for service in services or list(self._running):
            await self._running.pop(service).aclose()

    async def post(self, service: str, path: str, body: Any = None, **parameters: Any) -> Any:
        answer = await self.clients[service].post(path, json=body, params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    async def get(self, service: str, path: str, **parameters: Any) -> Any:
        answer = await self.clients[service].get(path, params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    async def rows(self, service: str, sql: str, *arguments: Any) -> list[Row]:
        dsn = self.dsns[service]
        # One connection stays open for all queries, since tests repeat them many times.
        async with self._query_lock:
            if dsn not in self._connections:
                self._connections[dsn] = await asyncpg.connect(dsn)
            return await self._connections[dsn].fetch(sql, *arguments)

    async def until(self, service: str, sql: str, *arguments: Any) -> None:
        """Return once this query to the service's database returns true."""
        try:
            async with asyncio.timeout(240):
                while not (await self.rows(service, sql, *arguments))[0][0]:  # noqa: ASYNC110 - a database has no asyncio.Event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{sql} stays false; {self._problems()}") from None

    async def settled(self) -> None:
        """Return once every running service has applied all events, and no service has more to publish."""
        quiet = 0
        try:
            async with asyncio.timeout(240):
                while quiet < 5:
                    await asyncio.sleep(0.05)
                    quiet = quiet + 1 if await self.is_quiet() else 0
        except TimeoutError:
            raise AssertionError(f"the services do not become idle; {self._problems()}") from None

    @property
    def running(self) -> list[Runtime]:
        return [self.runtimes[service] for service in self._running]

    def _problems(self) -> dict[str, list[str]]:
        return {service: self.runtimes[service].problems() for service in self._running}

    async def has_unsent(self, service: str, *lanes: str) -> bool:
        union = " UNION ALL ".join(f"SELECT 1 FROM outbox_{lane}" for lane in lanes)
        return bool(await self.rows(service, f"{union} LIMIT 1"))

    async def is_quiet(self) -> bool:
        for service in self._running:
            lanes = ("events", "bulk", "agencies") if PROGRAMS[service].agencies else ("events", "bulk")
            if await self.has_unsent(service, *lanes):
                return False
            for subscription in self.runtimes[service].subscriptions:
                if not await subscription.has_caught_up():
                    return False
        return True

    async def portfolio(self) -> str:
        """Create a portfolio without contracts, and return its id."""
        new = {"name": "Norte", "kind": "financial", "country": "MX"}
        creditor = await self.post("portfolio", "/v1/creditors", new)
        new = {"creditor_id": creditor["creditor_id"], "name": "Norte", "currency": "MXN", "jurisdiction": "MX"}
        return str((await self.post("portfolio", "/v1/portfolios", new | ANY_AMOUNT))["portfolio_id"])

    async def sample_portfolio(self, rows: int = 400) -> str:
        """Create a portfolio, load the first rows of the sample into it, and return its id."""
        portfolio_id = await self.portfolio()
        await self.load(portfolio_id, rows)
        return portfolio_id

    async def load(self, portfolio_id: str, rows: int) -> None:
        content = b"".join(sample().splitlines(keepends=True)[:rows])
        path = f"/v1/portfolios/{portfolio_id}/files"
        parameters = {"mode": "delta", "filename": "a.csv", "as_of": AS_OF.isoformat(), "confirm_future": "true"}
        answer = await self.clients["portfolio"].post(path, content=content, params=parameters)
        assert answer.is_success, answer.text
        loaded = "SELECT status = 'loaded' FROM file WHERE file_id = $1"
        await self.until("portfolio", loaded, uuid.UUID(answer.json()["file_id"]))


def sample() -> bytes:
    return (files("recobro") / "sample" / "cartera_mx.csv").read_bytes()


@asynccontextmanager
async def all_services_in_process(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    """Yield a platform on which every service runs."""
    platform = InProcessPlatform(databases)
    for service in PROGRAMS:
        await platform.create(service)
    await platform.start(*PROGRAMS)
    try:
        yield platform
    finally:
        await platform.end()
