"""All services in one process over one log, each started and stopped as a test says, for what no platform shows.

The log is in memory, so that a test can hold it as it was; the databases are real.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from importlib.resources import files
from typing import Any

import asyncpg
import httpx
from chassis import Role
from chassis.testing import client_for, mint, test_settings
from fresh_databases import FreshDatabases
from recobro.log_settings import program_of
from recobro_events import Database, Row, Runtime
from recobro_events.memory import MemoryTransport
from recobro_platform import SERVICES

AS_OF = date(2026, 11, 22)
PARTITIONS = 3


PROGRAMS = {service.name: program_of(service) for service in SERVICES}


class InProcessPlatform:
    """``start`` and ``stop`` a service; ask those that run; look into the databases of all."""

    def __init__(self, databases: FreshDatabases) -> None:
        self.transport = MemoryTransport(PARTITIONS)
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.runtimes: dict[str, Runtime] = {}
        self.dsns: dict[str, str] = {}
        """Where each service's data are."""
        self.sources = {service: program.source for service, program in PROGRAMS.items()}
        self._databases = databases
        self._looking: dict[str, asyncpg.Connection[Any]] = {}
        self._one_looks = asyncio.Lock()
        self._running: dict[str, AsyncExitStack] = {}

    async def create(self, service: str) -> None:
        """An empty database with the service's tables, in place of the one that it had."""
        self.dsns[service] = await self._databases.migrated(PROGRAMS[service].migrations)

    async def copy(self, service: str) -> str:
        """The database of a service that is stopped, as it is now."""
        await self.look_away(self.dsns[service])
        return await self._databases.copy(self.dsns[service])

    async def look_away(self, *dsns: str) -> None:
        """End the connections over which ``rows`` has asked."""
        for dsn in dsns:
            if dsn in self._looking:
                await self._looking.pop(dsn).close()

    async def end(self) -> None:
        await self.stop()
        await self.look_away(*list(self._looking))
        await self._databases.drop(*self.dsns.values())

    async def start(self, *services: str) -> None:
        for service in services:
            program = PROGRAMS[service]
            database = Database(self.dsns[service])
            runtime = Runtime(
                service,
                database,
                self.transport,
                program.consumer,
                on_barrier=program.on_barrier,
                agencies=program.agencies,
                source=self.sources[service],
            )
            settings = program.settings(**test_settings(self.dsns[service], service=service).model_dump())
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
        # One connection stays for all questions: they are asked again and again.
        async with self._one_looks:
            if dsn not in self._looking:
                self._looking[dsn] = await asyncpg.connect(dsn)
            return await self._looking[dsn].fetch(sql, *arguments)

    async def until(self, service: str, sql: str, *arguments: Any, seconds: float = 30) -> None:
        """Return once this question, asked of the service's database, has the answer true."""
        async with asyncio.timeout(seconds):
            while not (await self.rows(service, sql, *arguments))[0][0]:  # noqa: ASYNC110 - a database has no asyncio.Event
                await asyncio.sleep(0.02)

    async def settled(self) -> None:
        """Return once what was said so far has reached everybody who runs, and whatever it has led to."""
        quiet = 0
        try:
            async with asyncio.timeout(60):
                while quiet < 5:
                    await asyncio.sleep(0.05)
                    quiet = quiet + 1 if await self._is_quiet() else 0
        except TimeoutError:
            problems = {service: self.runtimes[service].problems() for service in self._running}
            raise AssertionError(f"the platform does not come to rest: {problems}") from None

    async def _is_quiet(self) -> bool:
        for service in self._running:
            lanes = ("events", "bulk", "agencies") if PROGRAMS[service].agencies else ("events", "bulk")
            if await self.rows(
                service, " UNION ALL ".join(f"SELECT 1 FROM outbox_{lane}" for lane in lanes) + " LIMIT 1"
            ):
                return False
            for subscription in self.runtimes[service].subscriptions:
                if not await subscription.has_caught_up():
                    return False
        return True

    async def portfolio(self) -> str:
        """A portfolio without contracts; its id."""
        new = {"name": "Norte", "kind": "financial", "country": "MX"}
        creditor = await self.post("portfolio", "/v1/creditors", new)
        new = {"creditor_id": creditor["creditor_id"], "name": "Norte", "currency": "MXN", "jurisdiction": "MX"}
        return str((await self.post("portfolio", "/v1/portfolios", new))["portfolio_id"])

    async def sample_portfolio(self, rows: int = 400) -> str:
        """A portfolio with the first rows of the sample, loaded; its id."""
        portfolio_id = await self.portfolio()
        await self.load(portfolio_id, rows)
        return portfolio_id

    async def load(self, portfolio_id: str, rows: int) -> None:
        content = b"".join(sample().splitlines(keepends=True)[:rows])
        path = f"/v1/portfolios/{portfolio_id}/files"
        parameters = {"mode": "delta", "filename": "a.csv", "as_of": AS_OF.isoformat()}
        answer = await self.clients["portfolio"].post(path, content=content, params=parameters)
        assert answer.is_success, answer.text
        loaded = "SELECT status = 'loaded' FROM file WHERE file_id = $1"
        await self.until("portfolio", loaded, uuid.UUID(answer.json()["file_id"]), seconds=60)


def sample() -> bytes:
    return (files("recobro") / "sample" / "cartera_mx.csv").read_bytes()


@asynccontextmanager
async def all_services_in_process(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    """A platform in which everybody works."""
    platform = InProcessPlatform(databases)
    for service in PROGRAMS:
        await platform.create(service)
    await platform.start(*PROGRAMS)
    try:
        yield platform
    finally:
        await platform.end()
