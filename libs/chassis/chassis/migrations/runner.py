"""Running a service's migrations with Alembic."""

import re
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, NullPool, event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

LOCK_TIMEOUT_SECONDS = 300
_LOCK = 7_203_550_118
_SEVERAL = re.compile(r";\s*\S")


async def run_alembic(dsn: str, versions: Path) -> None:
    """Run the missing migrations, one process at a time."""
    # The driver parses the address itself: SQLAlchemy does not understand all forms of it.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn, timeout=10), poolclass=NullPool
    )
    event.listen(engine.sync_engine, "do_execute", _several_at_once)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            await connection.exec_driver_sql("SET lock_timeout = 0")
            await connection.commit()
            await connection.run_sync(_run, versions)
    finally:
        await engine.dispose()


def _run(connection: Connection, versions: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _several_at_once(_cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Execute several statements at once. SQLAlchemy prepares all it sends, and a prepared statement is
    a single one.
    """
    if parameters or not _SEVERAL.search(statement):
        return False
    await_only(context.root_connection.connection.driver_connection.execute(statement))
    return True
