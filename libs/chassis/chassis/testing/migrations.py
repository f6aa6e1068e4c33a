"""For tests of one migration: a database as the release before it left it."""

import asyncio
import importlib
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from chassis.migrations import upgrade


@asynccontextmanager
async def database_before(dsn: str, migrations: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    """Apply the package's ``migrations`` before the one called ``name``. Yields a connection to the database.

    The test applies the rest with ``chassis.migrations.upgrade``.
    """
    package = f"{migrations.partition('.')[0]}_before"
    with as_file(files(migrations) / "versions") as versions, TemporaryDirectory() as folder:
        [first_left_out] = versions.glob(f"m????_{name}.py")
        copies = Path(folder) / package / "versions"
        copies.mkdir(parents=True)
        (copies.parent / "__init__.py").touch()
        for version in versions.glob("m*.py"):
            if version.name < first_left_out.name:
                shutil.copy(version, copies / re.sub(r"^m", "", version.name))
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            await asyncio.to_thread(upgrade, dsn, package)
        finally:
            sys.path.remove(folder)
            sys.modules.pop(package, None)
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
