"""The embedded platform with dummy services: one for each folder, restarts, and stops without leftovers."""

import base64
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from operated import invoked
from recobro import database_roles
from recobro.data import DataFolder, PlatformState
from recobro.postgres import EmbeddedPostgres, free_port, is_free
from recobro.session import free_port_base
from recobro_platform import SCOPES, SERVICES

pytestmark = pytest.mark.process

SCRIPT = Path(__file__).with_name("dummy_platform.py")


class Machine:
    """A data folder and its ports, with every platform that was started on them."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.port_base = free_port_base()
        self._started: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), str(self.data), str(self.port_base)]
        self._started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return self._started[-1]

    def ready_status(self) -> dict[str, Any]:
        code, output = recobro("status", "--data", str(self.data), "--wait", "240", "--json")
        assert code == 0, output
        status: dict[str, Any] = json.loads(output)
        return status

    def clean_up(self) -> None:
        recobro("down", "--data", str(self.data))
        for process in self._started:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def a_machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        machine = Machine(Path(folder))
        yield machine
        machine.clean_up()


@pytest.fixture
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    """A machine with a ready platform, for tests that do not change it."""
    with a_machine() as machine:
        machine.start()
        machine.ready_status()
        yield machine


def recobro(*arguments: str) -> tuple[int, str]:
    """Run the command in this process. A new process would take most of a test's time to start."""
    result = invoked(arguments)
    return result.exit_code, result.stdout


def pids_of(status: dict[str, Any]) -> set[int]:
    return {pid for service in status["services"] for pid in service["pids"]} | {status["postgres"]["pid"]}


def alive(pids: set[int]) -> set[int]:
    def lives(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return {pid for pid in pids if lives(pid)}


def children_of(process: subprocess.Popen[str]) -> set[int]:
    return {child.pid for child in psutil.Process(process.pid).children(recursive=True)}


def test_status_shows_every_service_and_its_address(running: Machine) -> None:
    status = running.ready_status()
    assert [(service["name"], service["url"]) for service in status["services"]] == [
        ("portfolio", f"http://127.0.0.1:{running.port_base + 1}"),
        ("dialer-feed", f"http://127.0.0.1:{running.port_base + 3}"),
    ]
    assert all(service["ready"] and len(service["pids"]) == 1 for service in status["services"])
    assert status["postgres"]["dsn"].startswith("postgresql://")
    assert status["transport"] == "postgres"
    assert len(alive(pids_of(status))) == 3
    assert "database dialer_feed" in (running.data / "logs" / "dialer-feed.log").read_text()


def test_no_other_user_reads_what_is_in_the_data_folder(running: Machine) -> None:
    running.ready_status()
    # If we are root, PostgreSQL's own user passes through the folder, and can list nothing.
    assert stat.S_IMODE(running.data.stat().st_mode) in (0o700, 0o711)
    readable = [
        path
        for path in [*running.data.iterdir(), *(running.data / "logs").iterdir(), *(running.data / "keys").iterdir()]
        if path.name != "postgres" and path.stat().st_mode & 0o077
    ]
    assert readable == []


async def test_a_service_works_as_a_role_of_its_own_and_enters_its_own_database_alone(running: Machine) -> None:
    port = urlsplit(running.ready_status()["postgres"]["dsn"]).port
    assert port is not None
    server = EmbeddedPostgres(running.data / "postgres", port)
    portfolio, other = (service for service in SERVICES if service.name in ("portfolio", "dialer-feed"))
    connection = await asyncpg.connect(database_roles.dsn(server, portfolio.database, portfolio.role))
    try:
        [who] = await connection.fetch("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert tuple(who) == (False, False)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (n int)")
    finally:
        await connection.close()
    for database in (other.database, "log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(database_roles.dsn(server, database, portfolio.role))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://{other.role}@127.0.0.1:{port}/{other.database}", password="wrong")


def test_a_second_platform_on_a_folder_is_refused_and_changes_nothing(running: Machine) -> None:
    before = running.ready_status()

    second = running.start()
    output, _ = second.communicate(timeout=240)

    assert second.returncode == 1
    assert "already running" in output
    assert running.ready_status() == before


def test_a_token_carries_the_scopes_that_were_asked_for(running: Machine) -> None:
    data = str(running.data)
    agency = "7f9c2ba4-e88f-4f3c-9d63-6f4bb2ed0c55"
    code, output = recobro("token", "--data", data, "--scope", "dialer-feed:read", "--agency", agency)
    claims = claims_of(output)
    assert (code, claims["scope"], claims["agency_id"]) == (0, "dialer-feed:read", agency)
    assert claims_of(recobro("token", "--data", data)[1])["scope"].split() == sorted(SCOPES)
    assert recobro("token", "--data", data, "--scope", "everything")[0] == 1
    assert (running.data / "keys" / "private.json").stat().st_mode & 0o777 == 0o600


def test_status_without_a_platform_ends_with_code_1(tmp_path: Path) -> None:
    code, output = recobro("status", "--data", str(tmp_path), "--json")
    assert code == 1
    assert json.loads(output)["postgres"] == {"pid": None, "dsn": None}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_every_process(machine: Machine, end: signal.Signals) -> None:
    platform = machine.start()
    machine.ready_status()
    everything = children_of(platform)
    assert len(everything) > 3

    platform.send_signal(end)

    assert platform.wait(240) == 0
    assert alive(everything) == set()
    assert is_free(machine.port_base + 1)
    assert "drained" in (machine.data / "logs" / "portfolio.log").read_text()


def test_killed_processes_are_restarted(machine: Machine) -> None:
    machine.start()
    before = pids_of(machine.ready_status())
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    while len(now := pids_of(machine.ready_status()) - {None}) < 3 or now & before:
        assert len(now) <= 3
    assert len(alive(now)) == 3


def test_a_new_platform_ends_the_processes_of_a_killed_one_and_works(machine: Machine) -> None:
    first = machine.start()
    before = machine.ready_status()
    orphans = children_of(first)

    first.kill()
    first.wait()
    machine.start()

    after = machine.ready_status()
    assert alive(orphans) == set()
    assert pids_of(after).isdisjoint(pids_of(before))
    assert after["postgres"]["dsn"] == before["postgres"]["dsn"]


def test_a_taken_port_is_named_and_nothing_is_started(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.port_base + 3)):
        platform = machine.start()
        output, _ = platform.communicate(timeout=240)
    assert platform.returncode == 1
    assert f"Port {machine.port_base + 3}, where dialer-feed would listen, is taken" in output
    assert not machine.data.joinpath("postgres").exists()


def test_a_service_that_cannot_start_ends_the_platform_with_the_reason(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUMMY_REFUSES", "3")
    platform = machine.start()
    output, _ = platform.communicate(timeout=240)
    assert platform.returncode == 1
    assert "dialer-feed does not start" in output
    assert "there is something wrong with the settings" in output
    assert recobro("status", "--data", str(machine.data))[0] == 1


def test_a_folder_of_one_event_log_is_refused_with_another(machine: Machine) -> None:
    folder = DataFolder(machine.data)
    with folder.locked():
        folder.write(PlatformState(transport="kafka", postgres_port=free_port()))
    platform = machine.start()
    output, _ = platform.communicate(timeout=240)
    assert platform.returncode == 1
    assert "are in Kafka, so the platform cannot continue with the embedded log" in output


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
