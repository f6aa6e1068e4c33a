"""The CPU time of a running platform by process, and the floor: what the same rows cost without the platform."""

import asyncio
import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
from recobro.data import DataFolder, PlatformState
from recobro.postgres import EmbeddedPostgres

FLOOR = "PostgreSQL bench_floor"
_BACKEND = re.compile(r"postgres: \S+ (\S+) \S+\(\d+\)")

_CREATE = """
CREATE TABLE contract (contract_id uuid PRIMARY KEY, balance numeric NOT NULL, version bigint NOT NULL);
CREATE TABLE payment (payment_id uuid PRIMARY KEY, contract_id uuid NOT NULL, amount numeric NOT NULL);
CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, contract_id uuid NOT NULL, data jsonb);
CREATE TABLE answer (key text PRIMARY KEY, status integer NOT NULL, body text NOT NULL);
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, actor jsonb NOT NULL, path text NOT NULL);
CREATE TABLE event (event_id uuid PRIMARY KEY, contract_id uuid NOT NULL, body text NOT NULL);
CREATE TABLE entry (contract_id uuid PRIMARY KEY, withdrawn_at timestamptz);
"""
_FILL = """
WITH made AS (
    INSERT INTO contract SELECT gen_random_uuid(), 1000, 1 FROM generate_series(1, $1) RETURNING contract_id)
INSERT INTO entry SELECT contract_id FROM made RETURNING contract_id
"""
_PAY = """
WITH paid AS (
    UPDATE contract SET balance = balance - 10, version = version + 1 WHERE contract_id = $1),
payment AS (INSERT INTO payment VALUES ($2, $1, 10)),
history AS (INSERT INTO history (contract_id, data) VALUES ($1, '{"amount": "10.00", "credit": "0.00"}')),
answer AS (INSERT INTO answer VALUES ($2::text, 201, repeat('a', 300))),
audit AS (INSERT INTO audit (actor, path) VALUES ('{"subject": "bench", "client": "bench"}', repeat('p', 60)))
INSERT INTO event VALUES ($2, $1, repeat('b', 700))
"""
_WITHDRAW = "UPDATE entry SET withdrawn_at = clock_timestamp() WHERE contract_id = $1"


def cpu_by_process(data: DataFolder) -> Mapping[str, float]:
    """Return the CPU seconds that each process of the platform has used so far.

    PostgreSQL's are added up by database. ``PostgreSQL itself`` are its own processes, and connections that have ended.
    """
    state = data.state()
    assert state is not None
    used: dict[str, float] = defaultdict(float)
    for service in state.services:
        if service.process is not None:
            used[service.name] += seconds_of_tree(psutil.Process(service.process.pid))
    if state.postgres_pid is not None:
        used |= _by_database(psutil.Process(state.postgres_pid))
    if (broker := _broker_of(state)) is not None:
        used["broker"] += seconds_of_tree(broker)
    return used


def _by_database(postmaster: psutil.Process) -> Mapping[str, float]:
    used: dict[str, float] = defaultdict(float)
    of_ended = postmaster.cpu_times()
    used["PostgreSQL itself"] += of_ended.user + of_ended.system + of_ended.children_user + of_ended.children_system
    for backend in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            found = _BACKEND.match(" ".join(backend.cmdline()))
            times = backend.cpu_times()
            used[f"PostgreSQL {found[1]}" if found else "PostgreSQL itself"] += times.user + times.system
    return used


def seconds_of_tree(process: psutil.Process) -> float:
    """Return the CPU seconds that a process and its children have used so far, those that have ended included."""
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            seconds += times.user + times.system
            if one.pid == process.pid:
                seconds += times.children_user + times.children_system
    return seconds


def _broker_of(state: PlatformState) -> psutil.Process | None:
    """The process that listens on the port of the Kafka broker, if it runs on this machine."""
    if state.kafka_bootstrap is None:
        return None
    port = int(state.kafka_bootstrap.partition(",")[0].rpartition(":")[2])
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid is not None:
            return psutil.Process(one.pid)
    return None


def used_between(before: Mapping[str, float], after: Mapping[str, float]) -> Mapping[str, float]:
    """Return the CPU seconds that were used between two calls of ``cpu_by_process``, the services first."""
    return {name: after[name] - before.get(name, 0.0) for name in after if name != FLOOR}


@dataclass(frozen=True)
class Floor:
    """The floor on this machine now: seconds from the payment's commit to the withdrawal's, and CPU seconds each."""

    seconds: Sequence[float]
    cpu_of_postgres: float
    cpu_of_client: float


async def floor(data: DataFolder, payments: int, rate: float) -> Floor:
    """Measure the floor in a database of its own on the platform's PostgreSQL.

    One connection inserts and updates the rows of a payment with one statement, notifies and commits. A second one is
    woken, reads the event, updates the entry and commits.
    """
    state = data.state()
    assert state is not None
    server = EmbeddedPostgres(Path(data.postgres), state.postgres_port)
    admin = await asyncpg.connect(server.dsn("postgres"))
    try:
        await admin.execute("DROP DATABASE IF EXISTS bench_floor WITH (FORCE)")
        await admin.execute("CREATE DATABASE bench_floor")
        try:
            return await _floor(data, server.dsn("bench_floor"), payments, rate)
        finally:
            await admin.execute("DROP DATABASE bench_floor WITH (FORCE)")
    finally:
        await admin.close()


async def _floor(data: DataFolder, dsn: str, payments: int, rate: float) -> Floor:
    first, second, listener = [await asyncpg.connect(dsn) for _ in range(3)]
    await first.execute(_CREATE)
    contracts = [row["contract_id"] for row in await first.fetch(_FILL, payments)]
    ids: asyncio.Queue[str] = asyncio.Queue()
    await listener.add_listener("event", lambda _connection, _pid, _channel, payload: ids.put_nowait(str(payload)))
    taken: list[float] = []
    before, before_here = cpu_by_process(data), time.process_time()
    started = time.monotonic()
    for n, contract_id in enumerate(contracts):
        await asyncio.sleep(max(0.0, started + n / rate - time.monotonic()))
        began = time.perf_counter()
        async with first.transaction():
            event_id = uuid4()
            await first.execute(_PAY, contract_id, event_id)
            await first.execute("SELECT pg_notify('event', $1)", str(event_id))
        event = await ids.get()
        async with second.transaction():
            row = await second.fetchrow("SELECT contract_id, body FROM event WHERE event_id = $1::text::uuid", event)
            assert row is not None
            await second.execute(_WITHDRAW, row["contract_id"])
        taken.append(time.perf_counter() - began)
    used, used_here = cpu_by_process(data)[FLOOR] - before[FLOOR], time.process_time() - before_here
    for connection in (first, second, listener):
        await connection.close()
    return Floor(taken, used / payments, used_here / payments)
