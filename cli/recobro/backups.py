"""Back up the embedded platform, and restore one or all of its databases.

A backup is a folder. ``backup`` writes a dump of every service's database, then the dump of the embedded log, the
photos and receipts, the encrypted keys, and last the manifest. A folder without a manifest is incomplete. The dumps are
taken one after another while everything runs. The log's dump is the newest, so after a restore each service reads from
the log what its own dump lacks.
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

from recobro import database_roles, key_backup
from recobro.data import DataFolder
from recobro.database_roles import LOG
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lost_writes import Lost, find_lost, print_lost
from recobro.postgres import EmbeddedPostgres, bin_folder, free_port, is_free
from recobro.terminal import DEFAULT_DATA, AsJson, Data, count, out, print_json

_MANIFEST = "backup.json"
_FILES = {"field-visits": "photos", "portfolio": "receipts"}
"""The folder of the files that a service keeps beside its database."""
_REPLACED = "_replaced"


class Manifest(BaseModel):
    """The content of a backup. ``dumped_at`` is when each dump began; a dump may lack later commits."""

    model_config = ConfigDict(frozen=True)

    created_at: datetime
    transport: str
    dumped_at: dict[str, datetime]


class Made(BaseModel):
    """What is noted of a backup. ``verified_at`` is when every dump was read to its end; ``bytes`` are all files."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    created_at: datetime
    verified_at: datetime
    databases: tuple[str, ...]
    bytes: int
    keys: bool


def backup(
    to: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Default: backups/TIME in DIR.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Save every database of the platform, photos, receipts and the keys that sign tokens in a new folder.

    The platform may be running or stopped. The keys are encrypted with the password in RECOBRO_BACKUP_PASSWORD, or in
    the file that RECOBRO_BACKUP_PASSWORD_FILE names. Without a password the backup has no keys.

    Each dump is then read to its end, so a file that cannot be read makes the command fail. The console shows the
    backups that were made.

    Example: recobro backup /mnt/backups/2026-11-23
    """
    folder = DataFolder(data)
    password = key_backup.given_password()
    target = to or folder.root / "backups" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    with _postgres_of(folder) as server:
        manifest = save(server, folder, target, password)
        verify(server, target, manifest)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    made = Made(
        folder=target.absolute(),
        created_at=manifest.created_at,
        verified_at=datetime.now(UTC),
        databases=tuple(manifest.dumped_at),
        bytes=size,
        keys=password is not None,
    )
    folder.note_backup(made.model_dump_json())
    if as_json:
        print_json({**made.model_dump(mode="json", exclude={"databases"}), **manifest.model_dump(mode="json")})
        return
    out.print(
        tr(
            "Saved {dumped_at} databases in {target} ({count} KiB).",
            dumped_at=len(manifest.dumped_at),
            target=target,
            count=count(size // 1024),
        ),
        markup=False,
    )
    if password is None:
        out.print(
            tr(
                "The keys that sign tokens are not in it. Set {variable}_FILE to save them, encrypted.",
                variable=key_backup.VARIABLE,
            )
        )


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder made by recobro backup.")],
    service: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE", help="Only this service; may be repeated. Default: all services and the log."),
    ] = None,
    without_keys: Annotated[bool, typer.Option("--without-keys", help="Do not restore the keys.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Restore databases from a backup. The platform must be stopped.

    The replaced databases are kept beside the restored ones. The command then prints the period whose entries by people
    and other systems must be entered again, and writes lists of them for `recobro reenter`. All other data comes back
    by itself when the platform runs.

    If DIR has no keys that sign tokens, those of the backup come back too, with the password in RECOBRO_BACKUP_PASSWORD
    or RECOBRO_BACKUP_PASSWORD_FILE. Without one the command asks for it.

    Example: recobro restore .recobro/backups/20261123T060000Z --service portfolio
    """
    folder = DataFolder(data)
    manifest = manifest_of(source)
    chosen = _chosen(service)
    keys = None if without_keys or service else key_backup.opened(source, folder)
    with folder.locked(), _started(folder) as server:
        lost = [asyncio.run(restore_service(server, source, manifest, one, folder.root)) for one in chosen]
        if service is None and LOG in manifest.dumped_at:
            asyncio.run(_replace(server, source, LOG))
    for kept in (_FILES[one.name] for one in chosen if one.name in _FILES):
        if (source / kept).is_dir():
            shutil.copytree(source / kept, folder.root / kept, dirs_exist_ok=True)
    if keys is not None:
        key_backup.put_back(keys, folder)
    if as_json:
        print_json([one.as_json() for one in lost])
    else:
        print_lost(lost)
        kept = ", ".join(f"{one.database}{_REPLACED}" for one in chosen)
        out.print(
            tr("The replaced data are kept in the databases {kept} until the next restore.", kept=kept), markup=False
        )
        if keys is not None:
            out.print(tr("The keys that sign tokens are restored too."))
        elif key_backup.has_keys(source):
            out.print(
                tr("The keys that sign tokens were not restored: those of {root} count.", root=folder.root),
                markup=False,
            )


def save(server: EmbeddedPostgres, folder: DataFolder, target: Path, password: str | None = None) -> Manifest:
    """Write a backup to ``target``, with the keys if there is a password.

    Raises ``Trouble`` if ``target`` exists or a dump fails.
    """
    if target.exists():
        raise Trouble(tr("{target} already exists. A backup needs a new folder.", target=target))
    state = folder.state()
    transport = state.transport if state else "postgres"
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    # The log is dumped last: no position in a dump may lie beyond the log's end.
    databases = [one.database for one in SERVICES] + ([LOG] if transport == "postgres" else [])
    dumped_at = {}
    for database in databases:
        dumped_at[database] = datetime.now(UTC)
        _run(server, "pg_dump", "--format=custom", f"--file={unfinished / database}.dump", database)
    for kept in _FILES.values():
        if (folder.root / kept).is_dir():
            shutil.copytree(folder.root / kept, unfinished / kept)
    if password is not None:
        key_backup.save(folder, unfinished, password)
    manifest = Manifest(created_at=datetime.now(UTC), transport=transport, dumped_at=dumped_at)
    (unfinished / _MANIFEST).write_text(manifest.model_dump_json(indent=2))
    unfinished.rename(target)
    return manifest


def verify(server: EmbeddedPostgres, source: Path, manifest: Manifest) -> None:
    """Read every dump of a backup to its end. Raises ``Trouble`` if one cannot be read."""
    for database in manifest.dumped_at:
        _run(server, "pg_restore", "--file=/dev/null", str(source / f"{database}.dump"))


def manifest_of(source: Path) -> Manifest:
    """Return the manifest of the backup in ``source``. Raises ``Trouble`` if there is none, or if a dump is missing."""
    try:
        manifest = Manifest.model_validate_json((source / _MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise Trouble(
            tr("{source} is not a complete backup: its {manifest} cannot be read.", source=source, manifest=_MANIFEST)
        ) from None
    if missing := [name for name in manifest.dumped_at if not (source / f"{name}.dump").is_file()]:
        raise Trouble(
            tr(
                "{source} is not a complete backup: the dump of {missing} is missing.",
                source=source,
                missing=", ".join(missing),
            )
        )
    return manifest


async def restore_service(
    server: EmbeddedPostgres, source: Path, manifest: Manifest, service: Service, root: Path
) -> Lost:
    """Replace the service's database with the dump and mark it as restored. Returns what the service has lost."""
    since = manifest.dumped_at[service.database]
    lost = Lost(service.name, since, datetime.now(UTC))
    if manifest.transport == "postgres":
        lost = await find_lost(server.dsn(LOG), service.name, since, root)
    await _replace(server, source, service.database)
    return lost


async def _replace(server: EmbeddedPostgres, source: Path, database: str) -> None:
    admin = await asyncpg.connect(server.dsn("postgres"), timeout=10)
    try:
        fresh, kept = f"{database}_restoring", f"{database}{_REPLACED}"
        await database_roles.ensure_agency_role(admin)
        await admin.execute(f'DROP DATABASE IF EXISTS "{fresh}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{fresh}"')
        dump = str(source / f"{database}.dump")
        _run(server, "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={fresh}", dump)
        exists = await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database)
        if database != LOG:
            await _mark(server, fresh, await _epoch_of(server, database) if exists else None)
        if exists:
            await admin.execute(f'DROP DATABASE IF EXISTS "{kept}" WITH (FORCE)')
            await admin.execute(f'ALTER DATABASE "{database}" RENAME TO "{kept}"')
        await admin.execute(f'ALTER DATABASE "{fresh}" RENAME TO "{database}"')
    finally:
        await admin.close()


async def _epoch_of(server: EmbeddedPostgres, database: str) -> int | None:
    """Return the epoch of the database that is replaced, or None if it cannot be read."""
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
        raise Trouble(
            tr(
                "There is no service {unknown}. The services are: {known}.",
                unknown=", ".join(unknown),
                known=", ".join(known),
            )
        )
    return [known[name] for name in names] if names else list(SERVICES)


@contextmanager
def _postgres_of(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    """Yield the platform's PostgreSQL. It is started for the block if it is not running."""
    running = folder.running()
    if running is not None:
        yield EmbeddedPostgres(folder.postgres, running.postgres_port)
        return
    if not (folder.postgres / "data").exists():
        raise Trouble(tr("{root} holds no data of a platform.", root=folder.root))
    with folder.locked(), _started(folder) as server:
        yield server


@contextmanager
def _started(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    """Run PostgreSQL for the block, on a folder that the caller has locked."""
    before = folder.state()
    port = before.postgres_port if before and is_free(before.postgres_port) else free_port()
    server = EmbeddedPostgres(folder.postgres, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _run(server: EmbeddedPostgres, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs. The password is passed in the environment."""
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
        raise Trouble(tr("{program} failed: {value}", program=program, value=result.stderr.strip()[-1000:]))
