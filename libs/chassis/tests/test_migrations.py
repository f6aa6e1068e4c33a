"""Migrations run from code, in order, by two processes at once, and all or nothing."""

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from chassis import schema
from chassis.migrations import standing_of, upgrade
from recobro_events import schema as events_schema

FIRST = """
from alembic import op
from chassis import schema
from recobro_events import schema as events_schema
revision = "0001"
down_revision = None

def upgrade():
    op.execute(events_schema.UPGRADE + schema.CREATE)
    op.execute("CREATE TABLE colours (name text); INSERT INTO colours VALUES ('a; b'), ('50% : c')")
"""
HELD_LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""
SECOND = """
from alembic import op
revision = "0002"
down_revision = "0001"

def upgrade():
    op.execute("ALTER TABLE colours ADD COLUMN shade integer NOT NULL DEFAULT 0")
"""
BROKEN = """
from alembic import op
revision = "0003"
down_revision = "0002"

def upgrade():
    op.execute("CREATE TABLE half (n int); INSERT INTO half VALUES (1); SELECT 1 / 0")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "toy_migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "versions" / "0001_first.py").write_text(FIRST)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder / "versions"
    sys.modules.pop("toy_migrations", None)


async def revision(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return found
    finally:
        await connection.close()


async def test_revisions_run_once_and_in_order(database_dsn: str, package: Path) -> None:
    upgrade(database_dsn, "toy_migrations")
    assert await revision(database_dsn) == "0001"
    (package / "0002_second.py").write_text(SECOND)
    for _ in range(2):
        upgrade(database_dsn, "toy_migrations")
    assert await revision(database_dsn) == "0002"
    connection = await asyncpg.connect(database_dsn)
    rows = await connection.fetch("SELECT name, shade FROM colours ORDER BY name")
    await connection.fetch("SELECT * FROM idempotent_answer, outbox_events")
    await connection.close()
    assert [tuple(row) for row in rows] == [("50% : c", 0), ("a; b", 0)]


async def test_two_processes_may_migrate_at_once(database_dsn: str, package: Path) -> None:
    (package / "0002_second.py").write_text(SECOND)
    await asyncio.gather(*(asyncio.to_thread(upgrade, database_dsn, "toy_migrations") for _ in range(3)))
    assert await revision(database_dsn) == "0002"


async def test_a_revision_that_fails_is_rolled_back(database_dsn: str, package: Path) -> None:
    (package / "0002_second.py").write_text(SECOND)
    (package / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="division by zero"):
        upgrade(database_dsn, "toy_migrations")
    assert await revision(database_dsn) == "0002"
    connection = await asyncpg.connect(database_dsn)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert await connection.fetchval(HELD_LOCKS) == 0
    await connection.close()


async def test_the_chassis_s_own_tables_fit_with_the_runtime_s(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(events_schema.UPGRADE)
    await connection.execute(schema.CREATE)
    await connection.close()


@pytest.mark.process
async def test_alembic_is_not_imported_if_nothing_is_to_migrate(database_dsn: str, package: Path) -> None:
    """The import is half of a service's start, and a killed service must be back at once."""
    await asyncio.to_thread(upgrade, database_dsn, "toy_migrations")
    program = (
        "import sys; from chassis.migrations import upgrade; upgrade(*sys.argv[1:]); print('alembic' in sys.modules)"
    )
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, database_dsn, "toy_migrations"],
        env={**os.environ, "PYTHONPATH": str(package.parent.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert result.stdout.strip() == "False"
    (package / "0002_second.py").write_text(SECOND)
    await asyncio.to_thread(upgrade, database_dsn, "toy_migrations")
    assert await revision(database_dsn) == "0002"


async def test_a_database_of_a_newer_release_is_left_as_it_is(database_dsn: str, package: Path) -> None:
    """The older release works on after a roll-back, because newer changes keep everything that it needs."""
    assert (await asyncio.to_thread(standing_of, database_dsn, "toy_migrations")).is_behind
    (package / "0002_second.py").write_text(SECOND)
    await asyncio.to_thread(upgrade, database_dsn, "toy_migrations")
    (package / "0002_second.py").unlink()
    standing = await asyncio.to_thread(standing_of, database_dsn, "toy_migrations")
    assert standing.is_ahead
    assert not standing.is_behind
    await asyncio.to_thread(upgrade, database_dsn, "toy_migrations")
    assert await revision(database_dsn) == "0002"
