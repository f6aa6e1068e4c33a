"""Backing the embedded platform up, and bringing one database, or all, back.

A backup is a folder: a dump of every service's database, then one of the embedded log, the photos, and at the end the
manifest; a folder without it is not whole. Each dump is taken by itself while everything runs: what a service has lost
after a restore it reads again from the log, which is newer than any of them.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import asyncpg
import typer
from pydantic import BaseModel, ConfigDict, ValidationError
from recobro_events import restoring
from recobro_platform import SERVICES, Service

from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.lost_writes import Lost, tell, what_was_told
from recobro.postgres import EmbeddedPostgres, bin_folder, free_port, is_free
from recobro.terminal import DEFAULT_DATA, AsJson, Data, count, out, print_json

LOG = "log"
_MANIFEST = "backup.json"
_PHOTOS = "photos"
_REPLACED = "_replaced"


class Manifest(BaseModel):
    """What a backup holds. ``dumped_at``: when each dump began; what was committed later may not be in it."""

    model_config = ConfigDict(frozen=True)

    created_at: datetime
    transport: str
    dumped_at: dict[str, datetime]


def backup(
    to: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Default: backups/<time> in the data.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Save every database of the platform, running or not, and the photos, in a new folder.

    The keys that sign tokens are not in it. Example: recobro backup /mnt/backups/2026-11-23
    """
    folder = DataFolder(data)
    target = to or folder.root / "backups" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    with _postgres_of(folder) as server:
        manifest = save(server, folder, target)
    if as_json:
        print_json({"folder": str(target.absolute()), **manifest.model_dump(mode="json")})
        return
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    out.print(f"Saved {len(manifest.dumped_at)} databases in {target} ({count(size // 1024)} KiB).", markup=False)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that recobro backup has made.")],
    service: Annotated[
        list[str] | None, typer.Option(help="Only this service; may be given again. Default: all, and the log.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Bring databases back as they were; the platform must be stopped. What is replaced is kept beside them.

    Then says from when on what was entered by people and other systems has to be entered again: all else comes back
    by itself when the platform runs. Example: recobro restore .recobro/backups/20261123T060000Z --service portfolio
    """
    folder = DataFolder(data)
    manifest = manifest_of(source)
    chosen = _chosen(service)
    with folder.locked(), _started(folder) as server:
        lost = [asyncio.run(bring_back(server, source, manifest, one, folder.root)) for one in chosen]
        if service is None and LOG in manifest.dumped_at:
            asyncio.run(_replace(server, source, LOG))
    if any(one.name == "field-visits" for one in chosen) and (source / _PHOTOS).is_dir():
        shutil.copytree(source / _PHOTOS, folder.root / _PHOTOS, dirs_exist_ok=True)
    if as_json:
        print_json([one.as_json() for one in lost])
    else:
        tell(lost)
        kept = ", ".join(f"{one.database}{_REPLACED}" for one in chosen)
        out.print(f"What was there before is kept in the databases {kept}, until the next restore.", markup=False)


def save(server: EmbeddedPostgres, folder: DataFolder, target: Path) -> Manifest:
    """Make the backup ``target``; ``Trouble`` when it is there already or a dump fails."""
    if target.exists():
        raise Trouble(f"{target} is there already. A backup is made in a new folder.")
    state = folder.state()
    transport = state.transport if state else "postgres"
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    # The log last: no position in a dump may lie beyond its end.
    databases = [one.database for one in SERVICES] + ([LOG] if transport == "postgres" else [])
    dumped_at = {}
    for database in databases:
        dumped_at[database] = datetime.now(UTC)
        _run(server, "pg_dump", "--format=custom", f"--file={unfinished / database}.dump", database)
    if (folder.root / _PHOTOS).is_dir():
        shutil.copytree(folder.root / _PHOTOS, unfinished / _PHOTOS)
    manifest = Manifest(created_at=datetime.now(UTC), transport=transport, dumped_at=dumped_at)
    (unfinished / _MANIFEST).write_text(manifest.model_dump_json(indent=2))
    unfinished.rename(target)
    return manifest


def manifest_of(source: Path) -> Manifest:
    """What the backup in ``source`` holds; ``Trouble`` when it is none, or not whole."""
    try:
        manifest = Manifest.model_validate_json((source / _MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise Trouble(f"{source} is no finished backup: it has no {_MANIFEST} that can be read.") from None
    if missing := [name for name in manifest.dumped_at if not (source / f"{name}.dump").is_file()]:
        raise Trouble(f"{source} is not whole: {', '.join(missing)} is missing.")
    return manifest


async def bring_back(server: EmbeddedPostgres, source: Path, manifest: Manifest, service: Service, root: Path) -> Lost:
    """Put the dump in the place of the service's database, and mark it as restored; what has been lost by it."""
    since = manifest.dumped_at[service.database]
    lost = Lost(service.name, since, datetime.now(UTC))
    if manifest.transport == "postgres":
        lost = await what_was_told(server.dsn(LOG), service.name, since, root)
    await _replace(server, source, service.database)
    return lost


async def _replace(server: EmbeddedPostgres, source: Path, database: str) -> None:
    admin = await asyncpg.connect(server.dsn("postgres"), timeout=10)
    try:
        fresh, kept = f"{database}_restoring", f"{database}{_REPLACED}"
        await admin.execute(f'DROP DATABASE IF EXISTS "{fresh}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{fresh}"')
        dump = str(source / f"{database}.dump")
        _run(server, "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={fresh}", dump)
        there = await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database)
        if database != LOG:
            await _mark(server, fresh, await _epoch_of(server, database) if there else None)
        if there:
            await admin.execute(f'DROP DATABASE IF EXISTS "{kept}" WITH (FORCE)')
            await admin.execute(f'ALTER DATABASE "{database}" RENAME TO "{kept}"')
        await admin.execute(f'ALTER DATABASE "{fresh}" RENAME TO "{database}"')
    finally:
        await admin.close()


async def _epoch_of(server: EmbeddedPostgres, database: str) -> int | None:
    """What versions counted from in the database that is replaced; None when it cannot say."""
    try:
        connection = await asyncpg.connect(server.dsn(database), timeout=10)
        try:
            epoch: int | None = await connection.fetchval("SELECT epoch FROM epoch")
            return epoch
        finally:
            await connection.close()
    except asyncpg.PostgresError:
        return None


async def _mark(server: EmbeddedPostgres, database: str, epoch: int | None) -> None:
    connection = await asyncpg.connect(server.dsn(database), timeout=10)
    try:
        if epoch is None:
            epoch = await connection.fetchval(restoring.EPOCH_WHEN_NONE_IS_LEFT)
        await connection.execute(restoring.MARK_RESTORED, epoch)
    finally:
        await connection.close()


def _chosen(names: Sequence[str] | None) -> list[Service]:
    known = {service.name: service for service in SERVICES}
    if unknown := [name for name in names or () if name not in known]:
        raise Trouble(f"There is no service {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in names] if names else list(SERVICES)


@contextmanager
def _postgres_of(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    """The platform's PostgreSQL: the one that runs, else one that is started for this."""
    running = folder.running()
    if running is not None:
        yield EmbeddedPostgres(folder.postgres, running.postgres_port)
        return
    if not (folder.postgres / "data").exists():
        raise Trouble(f"There are no data in {folder.root}.")
    with folder.locked(), _started(folder) as server:
        yield server


@contextmanager
def _started(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL on the folder that the caller holds, for the time of the block."""
    before = folder.state()
    port = before.postgres_port if before and is_free(before.postgres_port) else free_port()
    server = EmbeddedPostgres(folder.postgres, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _run(server: EmbeddedPostgres, program: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs; the password travels in its environment."""
    address = urlsplit(server.dsn("postgres"))
    environment = {
        **os.environ,
        "PGHOST": address.hostname or "",
        "PGPORT": str(address.port),
        "PGUSER": address.username or "",
        "PGPASSWORD": unquote(address.password or ""),
    }
    result = subprocess.run(
        [bin_folder() / program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise Trouble(f"{program} failed: {result.stderr.strip()[-1000:]}")
