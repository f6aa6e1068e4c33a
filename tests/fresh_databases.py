"""Databases for single tests on the run's PostgreSQL. Most are copies of a database that was migrated once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

import asyncpg
import recobro_events.schema
from chassis.migrations import upgrade
from recobro.postgres import EmbeddedPostgres
from recobro_events import Database, Lane

PARTITIONS = 2
SERVICE_ROLE = "service"
"""The role that services work as in tests. It owns no table."""
# Foreign keys are not checked, since every row goes. Deleting a few rows takes a tenth of the time of TRUNCATE.
_DELETE_ALL_ROWS = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'DELETE FROM ' || quote_ident(name);
    END LOOP;
END $$
"""


def copying(template: str, name: str) -> str:
    """The statement that copies a database to which nobody is connected.

    It copies the files. The usual way writes each block to PostgreSQL's log, and takes more of the processor's time.
    """
    return f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"


def owners(dsn: str) -> str:
    """The same database for the role that owns it: for what a service may not do."""
    return dsn.replace(f"//{SERVICE_ROLE}:", "//postgres:", 1)


class KeptDatabase(Database):
    """Stays open when an app or a test closes it: a new connection would have to read the catalogue of tables again."""

    _is_open = False

    def __init__(self, dsn: str, service: str, *lanes: Lane, max_connections: int = 10) -> None:
        super().__init__(dsn, max_connections=max_connections)
        self.service = service
        self.partitions = dict.fromkeys(lanes, PARTITIONS)
        self._owner: asyncpg.Connection | None = None

    async def open(self) -> None:
        if not self._is_open:
            await super().open()
            self._is_open = True

    async def execute_as_owner(self, sql: str) -> None:
        """Execute what the service may not do itself."""
        if self._owner is None or self._owner.is_closed():
            self._owner = await asyncpg.connect(owners(self.dsn))
        await self._owner.execute(sql)

    async def emptied(self) -> Self:
        """Open the database, delete every row but the revision of the migrations, and return the database."""
        await self.open()
        await self.execute_as_owner(_DELETE_ALL_ROWS)
        return self

    async def close(self) -> None:
        """Leave the database open: only ``end`` closes it."""

    async def end(self) -> None:
        if self._owner is not None:
            await self._owner.close()
        if self._is_open:
            await super().close()


@asynccontextmanager
async def kept_database(dsn: str, service: str, *lanes: Lane, max_connections: int = 10) -> AsyncIterator[KeptDatabase]:
    """Yield the database of a service that publishes on these lanes; close it in the end."""
    database = KeptDatabase(dsn, service, *lanes, max_connections=max_connections)
    try:
        yield database
    finally:
        await database.end()


class FreshDatabases:
    """Makes databases under names that no other test has, and drops them."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    async def empty(self) -> str:
        """Create an empty database, and return its DSN."""
        return await self._create("template1")

    async def with_runtime(self) -> str:
        """Create a database with the tables of ``recobro_events``, and return its DSN."""

        async def fill(dsn: str) -> None:
            connection = await asyncpg.connect(dsn)
            await connection.execute(recobro_events.schema.UPGRADE)
            await connection.close()

        return await self._create(await self._template("runtime", fill))

    async def migrated(self, migrations: str) -> str:
        """Create a database with the newest tables of a service. The DSN is its role's, which owns no table."""

        async def fill(dsn: str) -> None:
            await asyncio.to_thread(upgrade, dsn, migrations, SERVICE_ROLE)

        dsn = await self._create(await self._template(migrations.replace(".", "_"), fill))
        return dsn.replace("//postgres:", f"//{SERVICE_ROLE}:", 1)

    async def copy(self, dsn: str) -> str:
        """Copy a database to which no session is connected, and return the copy's DSN."""
        return await self._create(dsn.rpartition("/")[2])

    async def drop(self, *dsns: str) -> None:
        async with self._administrator() as admin:
            for dsn in dsns:
                await admin.execute(f"DROP DATABASE IF EXISTS {dsn.rpartition('/')[2]} WITH (FORCE)")

    async def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        async with self._administrator() as admin:
            await admin.execute(copying(template, name))
        return self._server.dsn(name)

    async def _template(self, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
        """Return the database to copy. The first process of the run that needs it creates it; no session stays open."""
        template = f"template_{name}"
        async with self._administrator() as admin:
            await admin.execute("SELECT pg_advisory_lock(hashtext($1))", template)
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", template):
                # The database has another name until it is complete.
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
