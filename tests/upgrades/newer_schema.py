"""A pytest plugin that migrates every database with the newer release, in a separate process."""

import os
import subprocess
import sys
from pathlib import Path

import chassis.migrations
from process_guard import GUARD

# The servers of an earlier release's tests may lack the role of agencies' requests. Other workers may create it too.
_PROGRAM = """
import asyncio, sys
import asyncpg
from chassis.migrations import upgrade
from recobro_platform import AGENCY_ROLE

async def ensure_role(dsn):
    connection = await asyncpg.connect(dsn)
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", AGENCY_ROLE):
        try:
            await connection.execute(f"CREATE ROLE {AGENCY_ROLE} NOLOGIN")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass
    await connection.close()

asyncio.run(ensure_role(sys.argv[1]))
upgrade(*sys.argv[1:])
"""
_SECONDS = 120


def _upgrade(dsn: str, package: str, runtime_role: str | None = None) -> None:
    newer = Path(os.environ["RECOBRO_NEWER_RELEASE"])
    paths = [
        newer / "libs" / "events",
        newer / "libs" / "chassis",
        newer / "libs" / "platform",
        *sorted(newer.glob("services/*")),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    arguments = [dsn, package, *([runtime_role] if runtime_role else [])]
    GUARD.permit()
    subprocess.run([sys.executable, "-c", _PROGRAM, *arguments], env=environment, check=True, timeout=_SECONDS)


chassis.migrations.upgrade = _upgrade
