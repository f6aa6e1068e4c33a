"""Migrations: each service's own tree of Alembic revisions, run from code."""

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

__all__ = ["Standing", "role_exists", "role_of", "standing_of", "upgrade"]

T = TypeVar("T")

_GRANT_LOCK = 7_203_550_120
_IS_ANOTHER_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolname <> current_user)"
_LACKS_RIGHTS = """
SELECT EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT has_table_privilege($1, oid, 'SELECT'))
"""
_RIGHTS = """
SELECT format($$
    GRANT USAGE ON SCHEMA public TO %1$I;
    GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON ALL TABLES IN SCHEMA public TO %1$I;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %1$I;
    REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM %1$I;
$$, $1::text) || CASE WHEN to_regclass('audit_entry') IS NULL THEN '' ELSE format($$
    REVOKE UPDATE, DELETE, MAINTAIN ON audit_entry, audit_seal FROM %1$I;
    REVOKE INSERT, UPDATE, DELETE, MAINTAIN ON audit_pruned FROM %1$I;
$$, $1::text) END
"""
"""The console's database has no audit tables: what its users change is in the services' audit."""
_REVISION = re.compile(r'^(down_)?revision(?:: str)? = "(\w+)"', re.MULTILINE)


@dataclass(frozen=True)
class Standing:
    """The revisions of a database, the newest revisions of the service's release, and all that the release knows."""

    found: frozenset[str]
    newest: frozenset[str]
    known: frozenset[str]

    @property
    def is_ahead(self) -> bool:
        """Whether a newer release has migrated the database. Such changes keep everything that this release needs."""
        return not self.found <= self.known

    @property
    def is_behind(self) -> bool:
        """Whether the database lacks revisions that this release needs."""
        return self.found != self.newest and not self.is_ahead


def standing_of(dsn: str, package: str) -> Standing:
    """Return the revisions of the database, compared with those in the folder ``versions`` of ``package``."""
    with as_file(files(package).joinpath("versions")) as versions:
        return _standing(dsn, Path(versions))


def upgrade(dsn: str, package: str, runtime_role: str | None = None) -> None:
    """Migrate the database to the newest revision of ``package``. A database that is ahead stays as it is.

    ``dsn`` is the owner's. ``runtime_role`` is the role that the service works as; it gets its rights on all tables:
    it reads and writes rows, but owns no table, and cannot change or delete what the audit tables hold. Nothing is
    granted if the role owns the tables, or does not exist.

    Two processes may call this at once: the second waits up to five minutes for the first, and finds nothing to do. A
    revision runs in one transaction. ``op.execute`` takes several statements at once.
    """
    with as_file(files(package).joinpath("versions")) as versions:
        if _standing(dsn, Path(versions)).is_behind:
            # To import Alembic takes half of a service's start, and a restarted service rarely has anything to migrate.
            from chassis.migrations.runner import run_alembic

            _wait_for(run_alembic(dsn, Path(versions)))
    if runtime_role is not None:
        _wait_for(_grant(dsn, runtime_role))


def role_of(dsn: str) -> str | None:
    """The role that a database's URL names, or None if the URL leaves it to the driver."""
    user = urlsplit(dsn).username
    return unquote(user) if user else None


def role_exists(dsn: str, role: str) -> bool:
    """Whether the server of the database has the role."""
    return _wait_for(_role_exists(dsn, role))


async def _role_exists(dsn: str, role: str) -> bool:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role))
    finally:
        await connection.close()


async def _grant(dsn: str, role: str) -> None:
    """Give the role what it lacks, one process at a time."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if not await connection.fetchval(_IS_ANOTHER_ROLE, role):
            return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _GRANT_LOCK)
            if await connection.fetchval(_LACKS_RIGHTS, role):
                await connection.execute(await connection.fetchval(_RIGHTS, role))
    finally:
        await connection.close()


def _wait_for(work: Coroutine[None, None, T]) -> T:
    """Run the coroutine in a thread of its own, so that this also works inside a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _standing(dsn: str, versions: Path) -> Standing:
    named = [match.groups() for file in versions.glob("*.py") for match in _REVISION.finditer(file.read_text())]
    known = frozenset(name for down, name in named if not down)
    return Standing(_wait_for(_found(dsn)), known - {name for down, name in named if down}, known)


async def _found(dsn: str) -> frozenset[str]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = await connection.fetch("SELECT version_num FROM alembic_version")
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        # The last migration gives the service's role its rights, and the right to read this table is one of them.
        return frozenset()
    finally:
        await connection.close()
    return frozenset(row["version_num"] for row in rows)
