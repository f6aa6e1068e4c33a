"""Upper bounds of the runtime: the same clients with the same settings, without the runtime's guarantees."""

import asyncio
import contextlib
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from recobro_events._database.database import leave_as_it_is

from event_bench import rows
from event_bench.openloop import follow_orders
from event_bench.reporting import Tally, report
from event_bench.servers import Servers, connected
from event_bench.workload import NAME, PaymentEvent

FLOOR_TOPIC = f"{NAME}floor"
Apply = Callable[[Sequence[str]], Awaitable[None]]
_APPEND = "WITH written AS (INSERT INTO floor_log (body) VALUES ($1)) SELECT pg_notify('floor', '')"
_READ = "SELECT n, body FROM floor_log WHERE n > $1 ORDER BY n"


def producer(bootstrap: str) -> Any:
    """Return a producer with the settings of the relay of the lane ``events``."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        linger_ms=0,
        request_timeout_ms=15_000,
        max_batch_size=256 * 1024,
    )


class _AssignmentReporter(ConsumerRebalanceListener):  # type: ignore[misc]
    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        pass

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        report(assigned=len(assigned))


def _kafka_consumer(bootstrap: str, group: str | None) -> Any:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=45_000,
        heartbeat_interval_ms=10_000,
        max_poll_interval_ms=300_000,
        request_timeout_ms=15_000,
        max_poll_records=None,
    )


async def consumer(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Read a topic from its start, without looking at the records."""
    reading = _kafka_consumer(servers.kafka, f"bare{uuid.uuid4().hex}")
    reading.subscribe([spec["topic"]], listener=_AssignmentReporter())
    await reading.start()
    tally = Tally()
    while not stop.is_set():
        found = await reading.getmany(timeout_ms=500, max_records=2_000)
        if count := sum(map(len, found.values())):
            tally.add(count)
    await reading.stop()


async def upsert(dsn: str, payments: Sequence[PaymentEvent], batch: int = 2_000) -> float:
    """Write payments into ``balance``, each batch with one statement and commit. Return the payments per second."""
    batches = [payments[at : at + batch] for at in range(0, len(payments), batch)]
    arguments = [rows.columns(_last_of_each(each)) for each in batches]
    async with connected(dsn) as connection:
        started = time.monotonic()
        for each in arguments:
            await connection.execute(rows.UPSERT, *each)
        return len(payments) / (time.monotonic() - started)


def _last_of_each(payments: Sequence[PaymentEvent]) -> list[tuple[object, ...]]:
    """Return the last payment of each contract as a row, since one statement can write a row only once."""
    last = {payment.contract_id: payment for payment in payments}
    return [rows.row(payment) for payment in last.values()]


async def floor_writer(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Write one payment per request."""
    async with connected(servers.publisher) as publisher:
        bodies = [row["body"] for row in await publisher.fetch(rows.BODIES, 5_000)]
    async with contextlib.AsyncExitStack() as stack:
        if spec["log"] == "kafka":
            kafka = producer(servers.kafka)
            await kafka.start()
            stack.push_async_callback(kafka.stop)

            async def write(n: int) -> None:
                body = bodies[n % len(bodies)]
                await kafka.send_and_wait(FLOOR_TOPIC, f"{n}|{body}".encode(), key=str(n).encode())
        else:
            pool = await stack.enter_async_context(
                asyncpg.create_pool(servers.log, min_size=4, max_size=8, reset=leave_as_it_is)
            )

            async def write(n: int) -> None:
                await pool.execute(_APPEND, f"{n}|{bodies[n % len(bodies)]}")

        report(ready=True)
        await follow_orders(write, stop, stamp_before=True)


async def floor_reader(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Read the available records, upsert them with one statement, and commit."""
    tally = Tally()
    async with connected(servers.reader) as connection:
        # Like our consumer for single events. A new plan for the upsert costs more than its execution.
        await connection.execute("SET plan_cache_mode = force_generic_plan")

        async def upsert_records(found: Sequence[str]) -> None:
            split = [text.partition("|") for text in found]
            payments = [PaymentEvent.model_validate_json(body) for _, _, body in split]
            await connection.execute(rows.UPSERT, *rows.columns(_last_of_each(payments)))
            tally.add(len(found), [n for n, _, _ in split])

        await (_read_kafka if spec["log"] == "kafka" else _read_table)(servers, upsert_records, stop)


async def _read_kafka(servers: Servers, apply: Apply, stop: asyncio.Event) -> None:
    reading = _kafka_consumer(servers.kafka, None)
    await reading.start()
    places = [TopicPartition(FLOOR_TOPIC, n) for n in range(12)]
    reading.assign(places)
    await reading.seek_to_end(*places)
    report(ready=True)
    next_offsets: dict[int, int] = {}
    while not stop.is_set():
        found = await reading.getmany(timeout_ms=500)
        for place, records in found.items():
            if records[0].offset != next_offsets.get(place.partition, records[0].offset):
                print(f"{place} continues at {records[0].offset}, not {next_offsets[place.partition]}", file=sys.stderr)
            next_offsets[place.partition] = records[-1].offset + 1
        if texts := [record.value.decode() for records in found.values() for record in records]:
            await apply(texts)
    await reading.stop()


async def _read_table(servers: Servers, apply: Apply, stop: asyncio.Event) -> None:
    wake = asyncio.Event()
    async with connected(servers.log) as log, connected(servers.log) as listening:
        await listening.add_listener("floor", lambda *_: wake.set())
        last = await log.fetchval("SELECT coalesce(max(n), 0) FROM floor_log")
        report(ready=True)
        while not stop.is_set():
            wake.clear()
            if found := await log.fetch(_READ, last):
                last = found[-1]["n"]
                await apply([row["body"] for row in found])
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), 0.5)
