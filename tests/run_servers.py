"""One PostgreSQL and one Kafka for all processes of a test run, each started when a test first asks for it."""

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg
from fresh_databases import SERVICE_ROLE
from process_guard import GUARD
from recobro import kafka
from recobro.errors import Trouble
from recobro.postgres import EmbeddedPostgres, free_port

# These data need not survive a crash of the machine.
_POSTGRES_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "checkpoint_timeout": "1h",
    "max_wal_size": "4GB",
    "max_connections": "1000",
}
_JARS = Path(__file__).parents[1] / ".kafka" / "lib"


class Servers(Protocol):
    """The servers of this run."""

    def find(self, name: str) -> str:
        """Return the address of ``postgres`` or ``kafka``. The first call starts it. Raises ``Trouble`` if it fails."""


class OwnServers:
    """Servers that end with this process. Other processes that know its ``address`` use them too."""

    def __init__(self) -> None:
        starters: dict[str, Callable[[contextlib.ExitStack], str]] = {
            "postgres": _start_postgres,
            "kafka": _start_kafka,
        }
        self._starters = starters
        self._stack = contextlib.ExitStack()
        # A server ends with the thread that started it, so each has a thread that stays.
        self._threads = {name: ThreadPoolExecutor(1, name, GUARD.permit) for name in starters}
        self._lock = threading.Lock()
        self._found: dict[str, Future[str]] = {}
        self._listener: Listener | None = None
        self._key = secrets.token_bytes(16)

    def find(self, name: str) -> str:
        with self._lock:
            if name not in self._found:
                self._found[name] = self._threads[name].submit(self._starters[name], self._stack)
        return self._found[name].result()

    def address(self) -> tuple[int, bytes]:
        """Return the port on which other processes may ask for servers, and the key that they need."""
        if self._listener is None:
            self._listener = Listener(("127.0.0.1", 0), backlog=64, authkey=self._key)
            threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()
        return int(self._listener.address[1]), self._key

    def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        wait(self._found.values())
        self._stack.close()
        for thread in self._threads.values():
            thread.shutdown()

    def _listen(self, listener: Listener) -> None:
        while True:
            try:
                connection = listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection:
            try:
                connection.send((self.find(connection.recv()), None))
            except Exception as why:  # noqa: BLE001 - raised in the process that asked
                connection.send((None, str(why)))


class ServersElsewhere:
    """The servers of another process, at its ``OwnServers.address``."""

    def __init__(self, port: int, key: bytes) -> None:
        self._port = port
        self._key = key

    def find(self, name: str) -> str:
        with Client(("127.0.0.1", self._port), authkey=self._key) as connection:
            connection.send(name)
            where, why = connection.recv()
        if where is None:
            raise Trouble(why)
        return str(where)


def postgres_at(where: str) -> EmbeddedPostgres:
    """Return a handle on the server at an address from ``find``. Connect to the server, but do not stop it."""
    port, _, folder = where.partition(" ")
    return EmbeddedPostgres(Path(folder), int(port))


def _start_postgres(stack: contextlib.ExitStack) -> str:
    # Each new run closes pytest's own folder to other users, and PostgreSQL may run as one.
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True)))
    server = EmbeddedPostgres(folder / "postgres", free_port(), _POSTGRES_SETTINGS)
    stack.callback(server.stop)
    server.start()
    asyncio.run(_prepare(server.dsn("postgres")))
    return f"{server.port} {server.folder}"


async def _prepare(dsn: str) -> None:
    """Create the roles of services. Passwords get few hash rounds, which would take half of a connection's time."""
    connection = await asyncpg.connect(dsn)
    password = urlsplit(dsn).password
    await connection.execute(f"""
        SET scram_iterations = 1;
        ALTER USER postgres PASSWORD '{password}';
        CREATE ROLE recobro_agency NOLOGIN;
        CREATE ROLE {SERVICE_ROLE} LOGIN PASSWORD '{password}';
        GRANT recobro_agency TO {SERVICE_ROLE} WITH INHERIT FALSE, SET TRUE;
    """)
    await connection.close()


def _start_kafka(stack: contextlib.ExitStack) -> str:
    """Start Kafka with Docker, else with Java and Maven."""
    reasons: list[str] = []
    for start in (_kafka_from_docker, _kafka_from_java):
        try:
            return start(stack)
        except Trouble as why:
            reasons.append(str(why))
    raise Trouble("; ".join(reasons))


def _kafka_from_docker(stack: contextlib.ExitStack) -> str:
    import docker
    from docker.errors import DockerException
    from testcontainers.community.kafka import KafkaContainer

    try:
        stack.enter_context(contextlib.closing(docker.from_env(timeout=3))).ping()
    except (DockerException, OSError):
        raise Trouble("no Docker engine answers") from None
    container = KafkaContainer(docker_client_kw={"timeout": 120}).with_kraft()
    stack.callback(container.stop)
    try:
        return str(container.start(timeout=120).get_bootstrap_server())
    except (DockerException, OSError, TimeoutError) as error:
        raise Trouble(f"Docker did not start Kafka ({type(error).__name__})") from error


def _kafka_from_java(stack: contextlib.ExitStack) -> str:
    jars = kafka_jars()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recobro-kafka-", ignore_cleanup_errors=True)))
    broker = kafka.LocalKafka(folder, free_port(), jars)
    stack.callback(broker.stop)
    broker.start()
    return broker.bootstrap


def kafka_jars() -> Path:
    """Return the folder of Apache Kafka's jars, and fetch missing ones. Raises ``Trouble`` without Java and Maven."""
    if missing := [program for program in ("java", "mvn") if shutil.which(program) is None]:
        raise Trouble(f"{' and '.join(missing)} not on PATH")
    kafka.fetch(_JARS)
    return _JARS
