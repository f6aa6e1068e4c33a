"""Databases of a test's own on the run's PostgreSQL, most of them copies of one that was migrated once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import recobro_events.schema
from chassis.migrations import upgrade
from recobro.postgres import EmbeddedPostgres
from recobro_events import Database


class KeptDatabase(Database):
    """Stays open when an app or a test closes it: a new connection would have to read the catalogue of tables again."""

    _is_open = False

    async def open(self) -> None:
        if not self._is_open:
            await super().open()
            self._is_open = True

    async def close(self) -> None:
        """Not yet."""

    async def end(self) -> None:
        """Close it."""
        if self._is_open:
            await super().close()


class FreshDatabases:
    """Makes databases under names that no other test has, and drops them."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    async def empty(self) -> str:
        """The DSN of a database with nothing in it."""
        return await self._create("template1")

    async def with_runtime(self) -> str:
        """One with the tables of ``recobro_events``."""

        async def fill(dsn: str) -> None:
            connection = await asyncpg.connect(dsn)
            await connection.execute(recobro_events.schema.UPGRADE)
            await connection.close()

        return await self._create(await self._template("runtime", fill))

    async def migrated(self, migrations: str) -> str:
        """One with the newest tables of a service, whose package of migrations is named."""

        async def fill(dsn: str) -> None:
            await asyncio.to_thread(upgrade, dsn, migrations)

        return await self._create(await self._template(migrations.replace(".", "_"), fill))

    async def copy(self, dsn: str) -> str:
        """One like that, to which nobody may be connected."""
        return await self._create(dsn.rpartition("/")[2])

    async def drop(self, *dsns: str) -> None:
        async with self._administrator() as admin:
            for dsn in dsns:
                await admin.execute(f"DROP DATABASE IF EXISTS {dsn.rpartition('/')[2]} WITH (FORCE)")

    async def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        async with self._administrator() as admin:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._server.dsn(name)

    async def _template(self, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
        """What is copied, made by the first of the run's processes that asks for it; nobody stays connected to it."""
        template = f"template_{name}"
        async with self._administrator() as admin:
            await admin.execute("SELECT pg_advisory_lock(hashtext($1))", template)
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", template):
                # Under another name until it is whole.
                unfinished = f"unfinished_{uuid.uuid4().hex}"
                await admin.execute(f"CREATE DATABASE {unfinished}")
                await fill(self._server.dsn(unfinished))
                await admin.execute(f"ALTER DATABASE {unfinished} RENAME TO {template}")
        return template

    @asynccontextmanager
    async def _administrator(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self._server.dsn("postgres"))
        try:
            yield connection
        finally:
            await connection.close()
