"""The measurements. Each takes one sample of its figures. Rates are in events per second, latencies in milliseconds."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_client import REGISTRY
from recobro_events import Database, Envelope, Lane, Relay, headers_of, new_event_id

from event_bench import bare, rows
from event_bench.processes import Member, all_applied, member, peer, rate_after_assignment, stopped_afterwards
from event_bench.servers import Servers, connected, empty_publisher, empty_reader
from event_bench.workload import BACKLOG, NAME, RELAYED, Answers, Paid, PaymentEvent, Restated

LOGS = ("kafka", "embedded")
RATES = (20, 100, 200)
CHUNK = 10_000
"""Rows that one statement writes."""

Samples = dict[str, float]


@dataclass(frozen=True)
class Size:
    """The sizes: events of a throughput, events of a slow peer, seconds of a latency, events of a bulk load."""

    events: int
    slow_events: int
    contracts: int
    seconds: float
    bulk_events: int


async def inserting(servers: Servers, size: Size) -> Samples:
    """Insert rows alone, with their events in the same statement, with COPY, and with events published from Python."""
    samples = {}
    async with connected(servers.publisher) as connection:
        for name, events in (("rows alone", False), ("rows with their events", True)):
            await empty_publisher(servers)
            started = time.monotonic()
            for at in range(0, size.events, CHUNK):
                await _insert(connection, at, size.events, 0, events=events, lane=Lane.BULK)
            samples[name] = size.events / (time.monotonic() - started)
        copied = [tuple(row) for row in await connection.fetch(f"SELECT {', '.join(rows.COLUMNS)} FROM staged")]
        await empty_publisher(servers)
        started = time.monotonic()
        await connection.copy_records_to_table("payment", records=copied, columns=rows.COLUMNS)
        samples["rows by COPY"] = len(copied) / (time.monotonic() - started)
    database = await _publisher(servers, RELAYED)
    events_ = [Paid.model_construct(**dict(zip(rows.COLUMNS, row, strict=True))) for row in copied]
    await empty_publisher(servers)
    started = time.monotonic()
    for at in range(0, len(events_), 1_000):
        async with database.transaction(bulk=True) as tx:
            tx.publish(*events_[at : at + 1_000])
    samples["outbox from Python, 1,000 a transaction"] = len(events_) / (time.monotonic() - started)
    await database.close()
    return samples


async def _insert(connection: Any, at: int, end: int, higher: int, *, events: bool, lane: Lane = Lane.BULK) -> None:
    until = min(at + CHUNK, end)
    if not events:
        await connection.execute(rows.ROWS, at, until, higher)
        return
    type_ = Restated.type if lane is Lane.BULK else Paid.type
    await connection.execute(rows.ROWS_WITH_EVENTS.format(lane=lane), at, until, higher, type_)


async def _publisher(servers: Servers, service: str) -> Database:
    database = Database(servers.publisher, statement_timeout_seconds=300)
    database.service = service
    await database.open()
    return database


async def relaying(servers: Servers, size: Size) -> Samples:
    """Publish a full outbox, and the same records with the bare client."""
    samples = {"bare produce": await _produce(servers, size.events)}
    for log in LOGS:
        await empty_publisher(servers)
        samples[f"relay, {log}"] = await relay(servers, log, RELAYED, size.events)
    return samples


async def relay(servers: Servers, log: str, service: str, count: int) -> float:
    """Fill the outbox of ``service`` and publish it with a warm relay. Return the events per second."""
    database, transport = await _publisher(servers, service), servers.transport(log)
    await transport.open()
    await transport.ensure_topics([f"{service}.events"])
    relaying = Relay(Lane.EVENTS, database, transport)
    running = asyncio.create_task(relaying.run())
    before = _published(service)
    for end, start in ((1, 0), (count, 1)):
        async with database.transaction(bulk=True) as tx:
            await tx.execute(rows.ROWS_WITH_EVENTS.format(lane=Lane.EVENTS), start, end, 0, Paid.type)
            tx.wrote_outbox(Lane.EVENTS)
        started = time.monotonic()
        while _published(service) < before + end:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.002)
    rate = (count - 1) / (time.monotonic() - started)
    relaying.stop()
    await running
    await transport.close()
    await database.close()
    return rate


def _published(service: str) -> float:
    return REGISTRY.get_sample_value("events_published_total", {"service": service, "lane": "events"}) or 0


async def _produce(servers: Servers, count: int) -> float:
    async with connected(servers.publisher) as publisher:
        found = await publisher.fetch(rows.BODIES, count)
    records = [(row["key"].encode(), row["body"].encode(), _headers(row["key"])) for row in found]
    topic = f"{RELAYED}.events"
    await servers.transport("kafka").ensure_topics([topic])
    producer = bare.producer(servers.kafka)
    await producer.start()
    await asyncio.gather(*(producer.send_and_wait(topic, b"warm", partition=n) for n in range(12)))
    started = time.monotonic()
    sent = [await producer.send(topic, body, key=key, headers=headers) for key, body, headers in records]
    await asyncio.gather(*sent)
    rate = count / (time.monotonic() - started)
    await producer.stop()
    return rate


def _headers(key: str) -> list[tuple[str, bytes]]:
    """Return the headers that the relay would write, since the bare client's records must have the same size."""
    envelope = Envelope(event_id=new_event_id(), type=Paid.type, source=RELAYED, occurred_at=datetime.now(UTC), key=key)
    return [(name, value.encode()) for name, value in headers_of(envelope).items()]


async def load_backlogs(servers: Servers, size: Size) -> None:
    """Fill both logs with the events that the consumers read."""
    for log in LOGS:
        await empty_publisher(servers)
        await relay(servers, log, BACKLOG, size.events)


async def consuming(servers: Servers, size: Size) -> Samples:
    """Read and apply the waiting events with our consumer and with the bare clients."""
    samples = {}
    topic = f"{BACKLOG}.events"
    async with stopped_afterwards(member(servers, "bare_consumer", topic=topic)) as members:
        samples["bare consume"] = await _rate(members, size.events)
    async with connected(servers.publisher) as publisher:
        found = await publisher.fetch(rows.BODIES, size.events)
    payments = [PaymentEvent.model_validate_json(row["body"]) for row in found]
    await empty_reader(servers, size.contracts)
    samples["bare upsert"] = await bare.upsert(servers.reader, payments)
    samples["bare consume, then bare upsert"] = 1 / (1 / samples["bare consume"] + 1 / samples["bare upsert"])
    for name, log, members_, answers in (
        ("consumer, kafka", "kafka", 1, Answers.BY_STATEMENT),
        ("consumer, kafka, answers from Python", "kafka", 1, Answers.FROM_PYTHON),
        ("consumer, kafka, no answers", "kafka", 1, Answers.NONE),
        ("consumer, kafka, 3 members", "kafka", 3, Answers.BY_STATEMENT),
        ("consumer, embedded", "embedded", 1, Answers.BY_STATEMENT),
        ("consumer, embedded, 3 members", "embedded", 3, Answers.BY_STATEMENT),
    ):
        await empty_reader(servers, size.contracts, BACKLOG)
        spec = {"log": log, "source": BACKLOG, "answers": answers, "gated": members_ > 1, "share": 12 // members_}
        async with stopped_afterwards(*(member(servers, "subscription", **spec) for _ in range(members_))) as members:
            if members_ > 1:
                # Otherwise the first member would have read everything before the last has joined.
                await asyncio.gather(*(each.report("ready") for each in members))
                await asyncio.gather(*(each.send(go=True) for each in members))
            samples[name] = await _rate(members, size.events)
    return samples


async def peers(servers: Servers, size: Size) -> Samples:
    """Apply the same events with programs that a team would write: an inbox and the same upsert, without answers."""
    samples = {}
    for name, program, count, more in (
        ("FastStream, an event a call, as it comes", "faststream_per_event", size.slow_events, {"workers": 1}),
        ("FastStream, an event a call, 12 workers", "faststream_per_event", size.slow_events, {"workers": 12}),
        ("FastStream, batches by hand", "faststream_batch", size.events, {}),
        ("aiokafka loop by hand", "plain_loop", size.events, {}),
        ("arroyo, batches", "arroyo_batch", size.events, {}),
    ):
        await empty_reader(servers, size.contracts)
        spec: Mapping[str, object] = {"topic": f"{BACKLOG}.events", "target": count, **more}
        async with stopped_afterwards(peer(servers, program, group=f"{NAME}{time.time_ns()}", **spec)) as members:
            samples[name] = await _rate(members, count)
    return samples


async def _rate(members: Sequence[Member], count: int) -> float:
    await all_applied(members, count)
    return rate_after_assignment(members)


async def end_to_end(servers: Servers, size: Size) -> Samples:
    """Insert rows with their events while these are relayed and applied, and the reader's answers relayed too."""
    samples = {}
    for members_ in (1, 3):
        for log in LOGS:
            await empty_publisher(servers)
            await empty_reader(servers, size.contracts)
            starting = [member(servers, "service", log=log) for _ in range(members_)]
            async with stopped_afterwards(_publishing(servers, log, size), *starting) as (publisher, *readers):
                await asyncio.gather(*(each.report("ready") for each in (publisher, *readers)))
                started = time.monotonic()
                async with connected(servers.publisher) as connection:
                    for at in range(0, size.events, CHUNK):
                        await _insert(connection, at, size.events, 0, events=True)
                        await connection.execute("SELECT pg_notify('outbox', 'bulk')")
                await all_applied(readers, size.events)
                ended = max(line["at"] for each in readers for line in each.reports if "applied" in line)
                samples[f"end to end, {log}{', 3 members' * (members_ == 3)}"] = size.events / (ended - started)
    return samples


async def _publishing(servers: Servers, log: str, size: Size) -> Member:
    return await member(servers, "publisher", log=log, payments=size.events)


async def latencies(servers: Servers, size: Size) -> Samples:
    """Time of single events from commit until applied, and the floor: the same with bare clients, from the write on."""
    samples = {}
    for log in LOGS:
        for name, starting in (
            ("floor", (member(servers, "floor_writer", log=log), member(servers, "floor_reader", log=log))),
            ("ours", (_publishing(servers, log, size), member(servers, "service", log=log))),
        ):
            await empty_publisher(servers)
            await empty_reader(servers, size.contracts)
            async with stopped_afterwards(*starting) as (writer, reader):
                await asyncio.gather(writer.report("ready"), reader.report("ready"))
                await writer.send(rate=50, first=0, count=50)
                await writer.report("written")
                for n, rate in enumerate(RATES, 1):
                    first, count = 10_000 * n, max(20, int(rate * size.seconds))
                    await writer.send(rate=rate, first=first, count=count)
                    stamps = (await writer.report("written", n + 1))["written"]
                    waits = await _waits(reader, stamps, may_lose=name == "floor")
                    samples[f"{name}, {log}, {rate} a second, p50"] = percentile(waits, 50)
                    samples[f"{name}, {log}, {rate} a second, p99"] = percentile(waits, 99)
    return samples


async def _waits(reader: Member, stamps: Mapping[str, float], *, may_lose: bool = False) -> list[float]:
    """Return the milliseconds from each stamp until the reader committed the event. Raises ``TimeoutError``.

    A reader without guarantees ``may_lose`` events. They are printed and left out.
    """
    deadline = time.monotonic() + 30
    while True:
        applied = {n: line["at"] for line in reader.reports if "applied" in line for n in line["references"]}
        missing = sorted(stamps.keys() - applied.keys())
        if missing and time.monotonic() < deadline:
            await reader.next_report()
            continue
        if missing:
            lost = f"{len(missing)} of {len(stamps)} were never applied: {missing[:10]}"
            if not may_lose:
                raise TimeoutError(lost)
            print(lost, file=sys.stderr)
        return [max(0.0, applied[n] - at) * 1000 for n, at in stamps.items() if n in applied]


async def urgent(servers: Servers, size: Size) -> Samples:
    """Publish fifty urgent events a second while a bulk load is written, relayed and applied."""
    samples: Samples = {}
    for log in LOGS:
        await empty_publisher(servers)
        await empty_reader(servers, size.contracts)
        starting = (_publishing(servers, log, size), member(servers, "service", log=log))
        async with stopped_afterwards(*starting) as (publisher, reader):
            await asyncio.gather(publisher.report("ready"), reader.report("ready"))
            started = time.monotonic()
            await publisher.send(rate=50, first=10_000_000, count=0)
            async with connected(servers.publisher) as connection:
                for higher in range(0, size.bulk_events, size.events):
                    end = min(size.events, size.bulk_events - higher)
                    for at in range(0, end, CHUNK):
                        await _insert(connection, at, end, higher, events=True)
            inserted = time.monotonic()
            await _bulk_applied(reader, size.bulk_events)
            ended = time.monotonic()
            await publisher.send(enough=True)
            waits = await _waits(reader, (await publisher.report("written"))["written"])
            samples |= {
                f"urgent amid bulk, {log}, p50": percentile(waits, 50),
                f"urgent amid bulk, {log}, p99": percentile(waits, 99),
                f"consumer's memory, {log}, MB": reader.peak_bytes / 1e6,
                f"bulk meanwhile, {log}": size.bulk_events / (ended - started),
                f"bulk rows with events meanwhile, {log}": size.bulk_events / (inserted - started),
            }
    return samples


async def _bulk_applied(reader: Member, count: int) -> None:
    seen = done = 0
    async with asyncio.timeout(1_800):
        while done < count:
            for line in reader.reports[seen:]:
                done += line.get("applied", 0) - len(line.get("references", ()))
            seen = len(reader.reports)
            if done < count:
                await reader.next_report()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that ``percent`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
