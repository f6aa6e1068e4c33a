"""Backup and restore on a folder whose platform is stopped, with every service's database and a log."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from operated import invoked
from recobro.backups import manifest_of, verify
from recobro.data import DataFolder, PlatformState
from recobro.errors import Trouble
from recobro.postgres import EmbeddedPostgres, free_port
from recobro_events import Envelope, Event, OutgoingRecord, caused_event_id, headers_of, new_event_id
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.postgres import PostgresTransport
from recobro_events.schema import UPGRADE
from recobro_platform import SERVICES
from typer.testing import Result

pytestmark = pytest.mark.process

DATABASES = [service.database for service in SERVICES]


class Machine:
    """A data folder as a stopped platform leaves it."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self.port = free_port()
        self.server = EmbeddedPostgres(self.folder.postgres, self.port)

    def prepare(self) -> None:
        with self.folder.locked():
            self.folder.write(PlatformState(transport="postgres", postgres_port=self.port))
        (self.folder.root / "photos").mkdir()
        (self.folder.root / "photos" / "door.jpg").write_bytes(b"a door")
        (self.folder.root / "receipts").mkdir()
        (self.folder.root / "receipts" / "letter").write_bytes(b"a letter")

    async def create(self) -> None:
        await self.run("postgres", *(f"CREATE DATABASE {name}" for name in [*DATABASES, "log"]))
        for name in DATABASES:
            await self.run(name, UPGRADE, "CREATE TABLE noted (what text)", "INSERT INTO noted VALUES ('before')")
        transport = PostgresTransport(self.server.dsn("log"), 2)
        await transport.open()
        await transport.ensure_topics(["dialer-feed.events"])
        await transport.close()

    async def run(self, database: str, *statements: str) -> None:
        connection = await asyncpg.connect(self.server.dsn(database))
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    async def ask(self, database: str, question: str) -> list[Any]:
        connection = await asyncpg.connect(self.server.dsn(database))
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()

    async def append(self, event_id: UUID, event: Event) -> None:
        transport = PostgresTransport(self.server.dsn("log"), 2)
        await transport.open()
        envelope = Envelope(
            event_id=event_id, type=event.type, source="dialer-feed", occurred_at=datetime.now(UTC), key=event.key
        )
        producer = await transport.producer(linger_ms=0)
        record = OutgoingRecord("dialer-feed.events", event.key, event.body().encode(), headers_of(envelope))
        await producer.send([record, record._replace(headers={}, value=b"\xff")])
        await transport.close()

    async def recobro(self, *arguments: str) -> Result:
        """Run the command in this process."""
        return await asyncio.to_thread(invoked, [*arguments, "--data", str(self.folder.root)])


@pytest.fixture
async def machine(open_folder: Path) -> Any:
    machine = Machine(open_folder / "data")
    machine.prepare()
    machine.server.start()
    await machine.create()
    yield machine
    machine.server.stop()


@pytest.fixture
def stopped(machine: Machine) -> Machine:
    machine.server.stop()
    return machine


async def test_a_database_is_restored_and_later_entries_are_listed(machine: Machine, tmp_path: Path) -> None:
    machine.server.stop()
    target = tmp_path / "backup"
    saved = await machine.recobro("backup", str(target), "--json")
    assert saved.exit_code == 0, saved.stderr
    said = json.loads(saved.stdout)
    assert set(said["dumped_at"]) == {*DATABASES, "log"}
    [noted] = map(json.loads, machine.folder.backups.read_text().splitlines())
    assert (noted["folder"], set(noted["databases"])) == (str(target), {*DATABASES, "log"})
    assert noted["created_at"] <= noted["verified_at"]
    assert has_photo(target)

    machine.server.start()
    for name in DATABASES:
        await machine.run(name, "INSERT INTO noted VALUES ('since')", "UPDATE epoch SET epoch = 4")
    claimed = PaymentClaimed(contract_id=uuid4(), detail="=by card, Peña")
    await machine.append(new_event_id(), claimed)
    await machine.append(caused_event_id(uuid4(), "c", "t", "k", 0), PaymentClaimed(contract_id=uuid4()))
    machine.server.stop()

    restored = await machine.recobro("restore", str(target), "--service", "dialer-feed", "--json")
    assert restored.exit_code == 0, restored.stderr
    [lost] = json.loads(restored.stdout)
    assert (lost["service"], lost["entered"]) == ("dialer-feed", {"dialer-feed.payment-claimed.v1": 1})
    assert lost["enter_again_from"] < lost["enter_again_to"]
    assert str(claimed.contract_id) in read_private(lost["listing"])

    machine.server.start()
    assert await machine.ask("dialer_feed", "SELECT what FROM noted") == [("before",)]
    assert await machine.ask("dialer_feed", "SELECT epoch, pending FROM epoch") == [(5, True)]
    assert await machine.ask("dialer_feed_replaced", "SELECT what FROM noted") == [("before",), ("since",)]
    assert await machine.ask("portfolio", "SELECT what FROM noted") == [("before",), ("since",)]
    assert await machine.ask("log", "SELECT count(*) FROM record") == [(4,)]


def has_photo(folder: Path) -> bool:
    files = {"photos/door.jpg": b"a door", "receipts/letter": b"a letter"}
    return all((folder / name).read_bytes() == content for name, content in files.items())


def read_private(listing: str) -> str:
    assert Path(listing).stat().st_mode & 0o777 == 0o600
    return Path(listing).read_text(encoding="utf-8-sig")


async def test_a_backup_is_restored_on_an_empty_machine(machine: Machine, tmp_path: Path, open_folder: Path) -> None:
    await machine.append(new_event_id(), PaymentClaimed(contract_id=uuid4()))
    machine.server.stop()
    target = tmp_path / "backup"
    assert (await machine.recobro("backup", str(target))).exit_code == 0
    empty = Machine(open_folder / "elsewhere")

    restored = await empty.recobro("restore", str(target))

    assert restored.exit_code == 0, restored.stderr
    assert "Enter them again" in restored.stdout
    empty.server.start()
    for name in DATABASES:
        assert await empty.ask(name, "SELECT what FROM noted") == [("before",)]
        [(epoch, pending)] = await empty.ask(name, "SELECT epoch, pending FROM epoch")
        assert pending
        assert epoch > 300, "the epoch must exceed every epoch that earlier restores can have set"
    assert await empty.ask("log", "SELECT count(*) FROM record") == [(2,)]
    assert has_photo(empty.folder.root)
    empty.server.stop()


async def test_an_invalid_backup_is_refused_and_an_existing_folder_is_not_overwritten(
    stopped: Machine, tmp_path: Path
) -> None:
    missing = await stopped.recobro("restore", str(tmp_path / "nothing"))
    assert (missing.exit_code, "is not a complete backup" in missing.stderr) == (1, True)
    there = await stopped.recobro("backup", str(tmp_path))
    assert (there.exit_code, "already exists" in there.stderr) == (1, True)
    target = tmp_path / "backup"
    assert (await stopped.recobro("backup", str(target))).exit_code == 0
    unknown = await stopped.recobro("restore", str(target), "--service", "dialer")
    assert (unknown.exit_code, "There is no service dialer" in unknown.stderr) == (1, True)
    with stopped.folder.locked():
        running = await stopped.recobro("restore", str(target))
    assert (running.exit_code, "already running" in running.stderr) == (1, True)
    (target / "portfolio.dump").write_bytes(b"cut off")
    broken = await stopped.recobro("restore", str(target), "--service", "portfolio")
    assert (broken.exit_code, "pg_restore failed" in broken.stderr) == (1, True)
    (target / "promises.dump").unlink()
    partial = await stopped.recobro("restore", str(target))
    assert (partial.exit_code, "promises is missing" in partial.stderr) == (1, True)


async def test_a_failed_restore_leaves_the_database_unchanged(machine: Machine, tmp_path: Path) -> None:
    machine.server.stop()
    target = tmp_path / "backup"
    assert (await machine.recobro("backup", str(target))).exit_code == 0
    (target / "portfolio.dump").write_bytes(b"cut off")
    assert (await machine.recobro("restore", str(target), "--service", "portfolio")).exit_code == 1
    machine.server.start()
    assert await machine.ask("portfolio", "SELECT what FROM noted") == [("before",)]
    assert await machine.ask("portfolio", "SELECT pending FROM epoch") == [(False,)]


PASSWORD = "a long enough password"


def with_keys(machine: Machine, private: str, denied: str) -> None:
    machine.folder.keys.mkdir(parents=True, exist_ok=True)
    for name, content in {"private.json": private, "jwks.json": f"public of {private}", "denied": denied}.items():
        (machine.folder.keys / name).write_text(content)


def keys_of(machine: Machine) -> dict[str, str]:
    return {file.name: file.read_text() for file in machine.folder.keys.iterdir()}


async def test_keys_are_in_a_backup_with_a_password_only_and_encrypted(
    stopped: Machine, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(stopped, "the secret", "revoked-1\n")
    bare = await stopped.recobro("backup", str(tmp_path / "bare"))
    assert "The keys that sign tokens are not in it" in bare.stdout
    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD", "short")
    refused = await stopped.recobro("backup", str(tmp_path / "sealed"))
    assert (refused.exit_code, "at least 14 characters" in refused.stderr) == (1, True)
    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD", PASSWORD)
    assert (await stopped.recobro("backup", str(tmp_path / "sealed"))).exit_code == 0
    for folder in ("bare", "sealed"):
        assert not any(b"the secret" in file.read_bytes() for file in (tmp_path / folder).glob("*.j*"))
    empty = Machine(open_folder / "elsewhere")

    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD", "another long password")
    wrong = await empty.recobro("restore", str(tmp_path / "sealed"))
    assert (wrong.exit_code, "password does not open" in wrong.stderr) == (1, True)
    monkeypatch.delenv("RECOBRO_BACKUP_PASSWORD")
    unknown = await empty.recobro("restore", str(tmp_path / "sealed"))
    assert (unknown.exit_code, "RECOBRO_BACKUP_PASSWORD_FILE" in unknown.stderr) == (1, True)
    assert not empty.folder.postgres.exists(), "nothing may be restored without the password"

    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD_FILE", str(tmp_path / "password"))
    restored = await empty.recobro("restore", str(tmp_path / "sealed"))
    assert (restored.exit_code, "keys that sign tokens are restored too" in restored.stdout) == (0, True), (
        restored.stderr
    )
    assert keys_of(empty) == keys_of(stopped)
    assert (empty.folder.keys / "private.json").stat().st_mode & 0o777 == 0o600


async def test_keys_that_a_platform_has_stay(stopped: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was replaced since the backup, and a token that was revoked, must not become valid again."""
    with_keys(stopped, "the old secret", "")
    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD", PASSWORD)
    assert (await stopped.recobro("backup", str(tmp_path / "sealed"))).exit_code == 0
    with_keys(stopped, "the new secret", "revoked\n")
    restored = await stopped.recobro("restore", str(tmp_path / "sealed"))
    assert (restored.exit_code, "were not restored" in restored.stdout) == (0, True), restored.stderr
    assert (keys_of(stopped)["private.json"], keys_of(stopped)["denied"]) == ("the new secret", "revoked\n")


async def test_a_lost_password_does_not_keep_the_data_from_being_restored(
    stopped: Machine, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(stopped, "the secret", "")
    monkeypatch.setenv("RECOBRO_BACKUP_PASSWORD", PASSWORD)
    assert (await stopped.recobro("backup", str(tmp_path / "sealed"))).exit_code == 0
    monkeypatch.delenv("RECOBRO_BACKUP_PASSWORD")
    empty = Machine(open_folder / "elsewhere")
    restored = await empty.recobro("restore", str(tmp_path / "sealed"), "--without-keys")
    assert (restored.exit_code, empty.folder.keys.exists()) == (0, False), restored.stderr


async def test_a_dump_that_cannot_be_read_to_its_end_is_no_backup(machine: Machine, tmp_path: Path) -> None:
    machine.server.stop()
    target = tmp_path / "backup"
    saved = await machine.recobro("backup", str(target))
    assert saved.exit_code == 0, saved.stderr
    dump = target / "portfolio.dump"
    dump.write_bytes(dump.read_bytes()[:-200])
    with pytest.raises(Trouble, match="pg_restore"):
        verify(machine.server, target, manifest_of(target))
