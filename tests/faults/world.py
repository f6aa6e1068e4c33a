"""The platform under test: its processes, its books, and the clients that write to it."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import as_file, files
from itertools import cycle
from pathlib import Path

import asyncpg
import payments
import psutil
from faults import checker, witness
from faults.books import Books
from faults.findings import Finding
from faults.ledger import Ledger
from faults.logs import EmbeddedLog, KafkaLog, Log
from faults.proxy import Proxy
from faults.waiting import until
from faults.writers import Clients, Plan
from recobro import status
from recobro.client import Client, connect
from recobro.data import DataFolder, PlatformState
from recobro.embedded import why_not_ready
from recobro.kafka import LocalKafka
from recobro.postgres import EmbeddedPostgres
from recobro.processes import dies_with_us
from recobro.services import url_of
from recobro.session import free_port_base
from recobro_platform import SERVICES, Service

AS_OF = date(2026, 11, 22)
READY_SECONDS = 120.0
ROLE_PROCESSES = 2
_STOP_SECONDS = 90.0
_FOLDERS = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "bench")]
_BALANCES = "SELECT contract_id, total_balance FROM contract WHERE portfolio_id = $1"


@dataclass(frozen=True)
class Process:
    """One process of a service that is split by roles."""

    pid: int
    service: Service
    role: str
    url: str

    @classmethod
    def of(cls, process: psutil.Process) -> "Process | None":
        """Return the process of a service, or None if this is another process or has ended."""
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, KeyError):
            command, port_base = process.cmdline(), int(process.environ()["RECOBRO_PORT_BASE"])
            for service in SERVICES:
                if command[-2:-1] == [service.package]:
                    return cls(process.pid, service, command[-1], url_of(service, port_base))
        return None


@dataclass
class World:
    """The platform, its books and clients, for scenarios. ``faults`` lists the names of the injected faults."""

    data: DataFolder
    client: Client
    clients: Clients
    plan: Plan
    books: Books
    random: random.Random
    brokers: tuple[LocalKafka, ...] = ()
    proxy: Proxy | None = None
    split: Sequence[str] = ()
    faults: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """Findings of the scenarios themselves."""

    @property
    def state(self) -> PlatformState:
        state = self.data.state()
        assert state is not None
        return state

    def pid(self, name: str) -> int | None:
        """Return the process id of a service or of PostgreSQL, or None if it does not run."""
        if name == "postgres":
            pid = self.state.postgres_pid
            return pid if pid is not None and psutil.pid_exists(pid) else None
        [service] = [service for service in self.state.services if service.name == name]
        return service.process.pid if service.process is not None and service.process.find() else None

    async def running(self, name: str, *, other_than: int | None = None) -> int:
        """Return the process id for this name once a process runs. Raises ``TimeoutError``."""

        async def runs() -> bool:
            return self.pid(name) not in (None, other_than)

        await until(runs, READY_SECONDS)
        pid = self.pid(name)
        return await self.running(name, other_than=other_than) if pid is None else pid

    async def ready(self) -> None:
        """Return when every service reports that it is ready. Raises ``TimeoutError``."""
        await until(lambda: _all_ready(self.data), READY_SECONDS)

    def processes(self, name: str) -> "list[Process]":
        """Return the running processes of a service, in every role."""
        assert self.state.supervisor is not None
        family = psutil.Process(self.state.supervisor.pid).children()
        found = [Process.of(process) for process in family if process.is_running()]
        return [process for process in found if process is not None and process.service.name == name]

    async def replaced(self, name: str, gone: "Process") -> None:
        """Return when the role has as many ready processes as before without ``gone``. Raises ``TimeoutError``."""

        async def are_ready() -> bool:
            alike = [process for process in self.processes(name) if process.role == gone.role]
            if gone.pid in [process.pid for process in alike] or len(alike) < ROLE_PROCESSES:
                return False
            return all([await asyncio.to_thread(why_not_ready, process.url) is None for process in alike])

        await until(are_ready, READY_SECONDS)

    def fault(self, name: str) -> None:
        self.faults.append(name)


@contextlib.asynccontextmanager
async def started_world(
    seed: str,
    *,
    brokers: tuple[LocalKafka, ...] = (),
    in_front_of_postgres: bool = False,
    in_front_of_kafka: Proxy | None = None,
    split: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> AsyncIterator[World]:
    """Start a platform with a published list, over these brokers or the embedded log, and stop it at the end.

    The optional proxies are in front of PostgreSQL and of the Kafka broker. The services of ``split`` have two
    processes of each role instead of one that does everything. ``environment`` is added to that of the processes.
    The data are in ``folder``, else in a temporary folder.
    """
    async with contextlib.AsyncExitStack() as stack:
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="recobro-faults-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
        data = DataFolder(folder / "data")
        proxy, proxy_port = in_front_of_kafka, None
        if in_front_of_postgres:
            proxy = Proxy(lambda: state.postgres_port if (state := data.state()) else None)
            proxy_port = await proxy.start()
            stack.push_async_callback(proxy.stop)
        bootstrap = ",".join(broker.bootstrap for broker in brokers)
        if in_front_of_kafka is not None:
            bootstrap = in_front_of_kafka.address
        process = _start(data, proxy_port, bootstrap, environment or {}, split)
        stack.push_async_callback(_stop, process)
        await _up(data, process)
        client = stack.enter_context(connect(data, None))
        seeded = random.Random(seed)
        books, listing = await _open_books(data, client, KafkaLog(bootstrap) if bootstrap else None)
        clients = Clients(client, books.ledger)
        if split:
            clients.addresses |= {name: cycle(urls) for name, urls in _api_urls(data).items()}
        stack.push_async_callback(clients.close)
        contracts = list(listing.contracts)
        seeded.shuffle(contracts)
        plan = Plan(contracts, AS_OF, books.ledger, seeded)
        yield World(data, client, clients, plan, books, seeded, brokers, proxy, split)


def _api_urls(data: DataFolder) -> dict[str, list[str]]:
    """Return the URLs of each service's REST interface. A process that replaces another has the same port."""
    state = data.state()
    assert state is not None
    assert state.supervisor is not None
    urls: dict[str, list[str]] = {}
    for child in psutil.Process(state.supervisor.pid).children():
        if (process := Process.of(child)) is not None and process.role == "api":
            urls.setdefault(process.service.name, []).append(process.url)
    return urls


def _start(
    data: DataFolder, proxy_port: int | None, bootstrap: str, environment: Mapping[str, str], split: Sequence[str]
) -> "subprocess.Popen[bytes]":
    data.root.mkdir(parents=True, exist_ok=True)
    folders = [environment.get("PYTHONPATH"), *_FOLDERS, os.environ.get("PYTHONPATH")]
    whole = {
        **os.environ,
        **environment,
        "RECOBRO_KAFKA_BOOTSTRAP": bootstrap,
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
    }
    command = [sys.executable, "-P", "-m", "faults.up", str(data.root), str(free_port_base())]
    command += ["--proxy", str(proxy_port)] if proxy_port is not None else []
    command += ["--split", *split] if split else []
    with (data.root / "up.log").open("ab") as output:
        return subprocess.Popen(
            command,
            env=whole,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_us(signal.SIGTERM),
        )


async def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the platform cleanly, and check that no process is left."""
    if process.poll() is not None:
        return
    supervisor = psutil.Process(process.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, _STOP_SECONDS)
    _, left = await asyncio.to_thread(psutil.wait_procs, family, timeout=10)
    for child in left:
        child.kill()
    assert left == [], f"the platform has left {left} running"


async def _up(data: DataFolder, process: "subprocess.Popen[bytes]") -> None:
    async def is_up() -> bool:
        assert process.poll() is None, (data.root / "up.log").read_text()
        return await _all_ready(data)

    await until(is_up, READY_SECONDS)


async def _all_ready(data: DataFolder) -> bool:
    return (await asyncio.to_thread(status.look, data)).ready


async def _open_books(data: DataFolder, client: Client, log: Log | None) -> tuple[Books, payments.Listing]:
    """Return books with an empty ledger, a published list, and the balances before the scenarios."""
    state = data.state()
    assert state is not None
    server = EmbeddedPostgres(data.postgres, state.postgres_port)
    dsns = {service.name: server.dsn(service.database) for service in SERVICES}
    books = Books(dsns, log or EmbeddedLog(server.dsn("log")), Ledger())
    for service, dsn in dsns.items():
        connection = await asyncpg.connect(dsn, timeout=10)
        await witness.install(connection, service, books.lanes(service))
        await connection.close()
    await books.remember_earlier()
    with as_file(files("recobro") / "sample" / "cartera_mx.csv") as file:
        listing = await asyncio.to_thread(payments.publish, client, file, AS_OF, name="faults")
    books.list_id = listing.list_id
    rows = await books.rows("portfolio", _BALANCES, listing.portfolio_id)
    books.balances_before = {row["contract_id"]: row["total_balance"] for row in rows}
    await checker.settled(books)
    return books, listing
