"""Old rows are deleted and nobody waits for that; a week of traffic neither grows tables nor slows the relay."""

import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fresh_databases import FreshDatabases
from recobro.postgres import EmbeddedPostgres, free_port
from recobro_events import Database, Lane, PositionLost, Relay, TopicPartition
from recobro_events import _metrics as metrics
from recobro_events._log.postgres_schema import CREATE as CREATE_LOG
from recobro_events._log.transport import OutgoingRecord
from recobro_events._runtime import housekeeping
from recobro_events.postgres import PostgresTransport
from recobro_events.schema import UPGRADE
from toy_services import TABLES, Publisher, Running, Subscriber, TopicReader, until

PLACE = TopicPartition("a.events", 0)


@pytest.fixture
async def database(new_database: Callable[[], Awaitable[Database]]) -> Database:
    return await new_database()


@pytest.fixture
async def log(database_dsn: str) -> AsyncIterator[PostgresTransport]:
    transport = PostgresTransport(database_dsn, 2)
    await transport.open()
    yield transport
    await transport.close()


async def ask(dsn: str, question: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question, *arguments)
    finally:
        await connection.close()


async def test_rows_are_deleted_after_their_retention_and_not_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STEP_ROWS", 2)
    async with database.transaction() as tx:
        for days in (22, 22, 22, 22, 22, 20):
            await tx.execute("INSERT INTO inbox VALUES ('c', uuidv7(), now() - make_interval(days => $1))", days)
        letter = (
            'INSERT INTO dead_letters (key, consumer, topic, partition, "offset", headers, body, error, set_aside_at,'
            " discarded_at) VALUES ($1, 'c', 't', 0, 0, '{}', 'x', 'e', now() - make_interval(days => $2),"
            " CASE WHEN $3 THEN now() END)"
        )
        for name, days, discarded in (("old", 31, False), ("new", 29, False), ("gone", 31, True), ("kept", 29, True)):
            await tx.execute(letter, name, days, discarded)
        for days in (2, 0):
            await tx.execute(
                "INSERT INTO barrier (barrier_id, state, sources, rounds, ended_at)"
                " VALUES (uuidv7(), 'reached', '{}', 1, now() - make_interval(days => $1))",
                days,
            )
    assert await housekeeping.prune(database) == 5 + 1 + 1 + 1
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 1
        left = await connection.fetch("SELECT key, body IS NULL AS expired FROM dead_letters ORDER BY letter_id")
        assert [tuple(row) for row in left] == [("old", True), ("new", False), ("kept", False)]
        assert await connection.fetchval("SELECT count(*) FROM barrier") == 1
    assert await housekeeping.prune(database) == 0


async def test_pruning_skips_locked_rows_and_deletes_them_later(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO inbox SELECT 'c', uuidv7(), now() - interval '30 days' FROM generate_series(1, 5)"
        )
    async with database.transaction() as tx:
        await tx.execute("SELECT FROM inbox ORDER BY event_id LIMIT 2 FOR UPDATE")
        assert await housekeeping.prune(database) == 3
    assert await housekeeping.prune(database) == 2


async def test_the_embedded_log_drops_old_records_from_the_start_of_partitions(
    log: PostgresTransport, database_dsn: str
) -> None:
    await log.ensure_topics(["a.events", "b.events"])
    producer = await log.producer(linger_ms=0)
    await producer.send([OutgoingRecord("a.events", "k", b"old", {}, 0)] * 2500)
    await producer.send([OutgoingRecord("b.events", "k", b"old", {}, 1)] * 3)
    await ask(database_dsn, "UPDATE record SET written_at = written_at - interval '15 days'")
    await producer.send([OutgoingRecord("a.events", "k", b"new", {}, 0)] * 2)
    assert await log.prune(housekeeping.LOG_DAYS) == 2503
    assert await log.prune(housekeeping.LOG_DAYS) == 0
    member = await log.join("readers", ["a.events", "b.events"], reader := TopicReader())
    await reader.ready.wait()
    bounds = await member.bounds([PLACE, TopicPartition("b.events", 1)])
    assert bounds[PLACE] == (2500, 2502)
    assert bounds[TopicPartition("b.events", 1)] == (3, 3)
    member.seek(PLACE, 2500)
    assert [record.offset for record in await member.poll([PLACE], max_records=10, timeout_seconds=5)] == [2500, 2501]
    member.seek(PLACE, 2499)
    with pytest.raises(PositionLost):
        await member.poll([PLACE], max_records=10, timeout_seconds=5)
    await member.leave()


async def test_one_process_prunes_the_log_at_a_time(log: PostgresTransport, database_dsn: str) -> None:
    await log.ensure_topics(["a.events"])
    producer = await log.producer(linger_ms=0)
    await producer.send([OutgoingRecord("a.events", "k", b"old", {}, 0)])
    await ask(database_dsn, "UPDATE record SET written_at = written_at - interval '15 days'")
    other = await asyncpg.connect(database_dsn)
    await other.execute("SELECT pg_advisory_lock(hashtextextended('log pruning', 0))")
    assert await log.prune(housekeeping.LOG_DAYS) == 0
    await other.close()
    assert await log.prune(housekeeping.LOG_DAYS) == 1


async def test_waiting_events_parked_keys_and_letters_are_counted_for_the_metrics(database: Database) -> None:
    database.service = "counted"
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO outbox_events (type, key, body) SELECT 'a.b.v1', 'k', '{}' FROM generate_series(1, 3)"
        )
        await tx.execute("INSERT INTO parked_keys (key, consumer) VALUES ('k', 'c')")
        await tx.execute(
            'INSERT INTO dead_letters (key, consumer, topic, partition, "offset", discarded_at)'
            " VALUES ('k', 'c', 't', 0, 0, NULL), ('k', 'c', 't', 0, 1, NULL), ('k', 'c', 't', 0, 2, now())"
        )
    await housekeeping.report(database, [Lane.EVENTS, Lane.BULK])
    assert metrics.OUTBOX_EVENTS.labels("counted", "events")._value.get() == 3
    assert metrics.OUTBOX_EVENTS.labels("counted", "bulk")._value.get() == 0
    assert metrics.PARKED_KEYS.labels("counted")._value.get() == 1
    assert metrics.DEAD_LETTERS.labels("counted")._value.get() == 2


def test_every_hot_table_sets_its_autovacuum_options() -> None:
    for table in ("outbox_", "inbox", "consumer_position", "relay_heartbeat"):
        [definition] = [part for part in UPGRADE.split("CREATE TABLE IF NOT EXISTS ") if part.startswith(table)][:1]
        assert "autovacuum_vacuum" in definition.split(";")[0], table
    for table in ("record", "partition", "group_member"):
        [definition] = [
            part for part in CREATE_LOG.split("CREATE TABLE IF NOT EXISTS ") if part.startswith(f"{table} ")
        ]
        assert "autovacuum_vacuum" in definition.split(";")[0], table


EVENTS_A_DAY = 3_000
# A week so long ago that every row of a day is past its retention at the end of the day.
AGES_DAYS = (28, 27, 26, 25, 24, 23, 22)
HELD_OPEN = (1, 2, 3)
MEASURED_TABLES = {
    "publisher": ["outbox_events"],
    "subscriber": ["inbox", "consumer_position"],
    "log": ["record", "partition"],
}


@pytest.fixture
def quiet_server() -> Iterator[FreshDatabases]:
    """A PostgreSQL of its own. What VACUUM may clear away depends on the transactions of all databases of a server."""
    with tempfile.TemporaryDirectory(prefix="recobro-test-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", free_port(), {"fsync": "off"})
        server.start()
        yield FreshDatabases(server)
        server.stop()


@pytest.mark.process
@pytest.mark.timeout(600)
async def test_a_week_of_traffic_neither_grows_the_tables_nor_slows_the_relay(quiet_server: FreshDatabases) -> None:
    """For some days an old snapshot is open in every database, so that deleted rows cannot be cleared away."""
    publisher = Publisher()
    publisher_database, subscriber_database = [Database(await quiet_server.with_runtime()) for _ in range(2)]
    database_dsn = await quiet_server.empty()
    log = PostgresTransport(database_dsn, 2)
    for opened in (publisher_database, subscriber_database, log):
        await opened.open()
    publisher_database.service = publisher.name
    async with subscriber_database.transaction() as tx:
        await tx.execute(TABLES)
    await log.ensure_topics([publisher.topic(), publisher.topic(Lane.BULK)])
    dsns = {"publisher": publisher_database.dsn, "subscriber": subscriber_database.dsn, "log": database_dsn}
    running, subscriber = Running(), Subscriber(publisher)
    relay = running.relay(publisher_database, log, heartbeat_seconds=0.1)
    running.subscribe(subscriber, subscriber_database, log)
    snapshots: list[Any] = []
    sizes, pages_read = [], []
    for day, age in enumerate(AGES_DAYS):
        if day == HELD_OPEN[0]:
            snapshots = [await hold_a_snapshot(dsn) for dsn in dsns.values()]
        await ask(dsns["subscriber"], f"ALTER TABLE inbox ALTER applied_at SET DEFAULT now() - interval '{age} days'")
        await ask(dsns["log"], f"ALTER TABLE record ALTER written_at SET DEFAULT now() - interval '{age} days'")
        for number in range(10):
            await publisher.publish(publisher_database, [(uuid4(), number) for _ in range(EVENTS_A_DAY // 10)])
        await until(lambda day=day: has_applied(subscriber, subscriber_database, (day + 1) * EVENTS_A_DAY))  # type: ignore[misc]
        await until(lambda relay=relay: has_risen(relay, publisher_database))  # type: ignore[misc]
        await housekeeping.prune(subscriber_database)
        await log.prune(housekeeping.LOG_DAYS)
        pages_read.append(await buffers_of_a_fetch(relay, dsns["publisher"]))
        if day == HELD_OPEN[-1]:
            for snapshot in snapshots:
                await snapshot.close()
        for dsn in dsns.values():
            await ask(dsn, "VACUUM")
        sizes.append(
            {name: await size(dsns[where], name) for where, names in MEASURED_TABLES.items() for name in names}
        )
    await running.close()
    for opened in (publisher_database, subscriber_database, log):
        await opened.close()
    assert max(pages_read) <= 2 * pages_read[0] + 20, "pages that a fetch reads, day by day"
    with_snapshots = sizes[HELD_OPEN[-1] - 1]
    for name, grown in with_snapshots.items():
        assert sizes[-1][name] <= grown, (name, [day[name] for day in sizes])


async def hold_a_snapshot(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
    return connection


async def has_applied(subscriber: Subscriber, database: Database, payments: int) -> bool:
    return await subscriber.count(database) == payments


async def has_risen(relay: Relay, database: Database) -> bool:
    """The outbox is empty, and the relay's floor has reached the last id."""
    async with database.connection() as connection:
        last_id = await connection.fetchval("SELECT last_value FROM outbox_events_id_seq")
        return not await connection.fetchval("SELECT count(*) FROM outbox_events") and relay.floor.id == last_id


async def buffers_of_a_fetch(relay: Relay, dsn: str) -> int:
    """How many pages the relay's fetch statement reads."""
    arguments = ("1000", "1000000", "'{}'::bigint[]", str(relay.floor.id))
    statement = relay.statement
    for n, argument in enumerate(arguments, 1):
        statement = statement.replace(f"${n}", argument)
    plan = json.loads(await ask(dsn, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def size(dsn: str, table: str) -> int:
    return int(await ask(dsn, "SELECT pg_table_size($1::text::regclass) + pg_indexes_size($1::text::regclass)", table))
