"""Migrations: each service's own tree of Alembic revisions, run from code."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path

import asyncpg

__all__ = ["upgrade"]

_REVISION = re.compile(r'^(down_)?revision(?:: str)? = "(\w+)"', re.MULTILINE)


def upgrade(dsn: str, package: str) -> None:
    """Bring the database to the newest revision of ``package``, whose folder ``versions`` holds them.

    Two processes may do it at once: the second waits for the first (up to five minutes) and finds nothing to do.
    A revision runs in one transaction; ``op.execute`` takes several statements at once.
    """
    with as_file(files(package).joinpath("versions")) as versions, ThreadPoolExecutor(1) as thread:
        # In a thread of its own, so that it also works where an event loop is running.
        if thread.submit(asyncio.run, _is_current(dsn, Path(versions))).result():
            return
        # Importing Alembic takes half of a service's start, and a restarted one rarely has anything to migrate.
        from chassis.migrations.runner import run_alembic

        thread.submit(asyncio.run, run_alembic(dsn, Path(versions))).result()


async def _is_current(dsn: str, versions: Path) -> bool:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        rows = await connection.fetch("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    return {row["version_num"] for row in rows} == _newest(versions)


def _newest(versions: Path) -> set[str]:
    """The revisions that no other one follows."""
    named = [match.groups() for file in versions.glob("*.py") for match in _REVISION.finditer(file.read_text())]
    return {name for down, name in named if not down} - {name for down, name in named if down}
