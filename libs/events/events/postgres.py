"""The embedded log: topics, partitions and consumer groups in one PostgreSQL database.

A writer locks its partitions' rows in sorted order, takes its offsets under the locks and holds them to its commit, so
a reader never sees an offset before all smaller ones. Group members beat in a table; each computes the same spread of
partitions over those that are alive.
"""

import asyncio
import contextlib
import json
import uuid
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from events.database import PASSING_TROUBLE, leave_as_it_is
from events.errors import PositionLost, TopicPartition, TransportError
from events.postgres_schema import APPEND, CREATE
from events.tasks import end
from events.transport import Bounds, Listener, OutgoingRecord, Record

BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 10.0
POLL_SECONDS = 0.5
PRUNE_ROWS = 1_000

_ENSURE_TOPIC = "INSERT INTO topic (name, partitions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
_ENSURE_PARTITIONS = """
INSERT INTO partition (topic_id, partition)
SELECT topic_id, generate_series(0, partitions - 1) FROM topic WHERE name = ANY($1) ON CONFLICT DO NOTHING
"""
_IS_WRITTEN = """
SELECT EXISTS (SELECT FROM partition JOIN topic USING (topic_id) WHERE name = ANY($1) AND next_offset > 0)
"""
_BOUNDS = """
SELECT name, partition, start_offset, next_offset FROM partition JOIN topic USING (topic_id)
WHERE (name, partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
"""
_READ = """
SELECT topic.name, record.partition, record."offset", record.value, record.headers, record.key
FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS wanted (name, partition, next_offset, turn)
JOIN topic ON topic.name = wanted.name
CROSS JOIN LATERAL (
    SELECT * FROM record
    WHERE record.topic_id = topic.topic_id AND record.partition = wanted.partition
      AND record."offset" >= wanted.next_offset
    ORDER BY record."offset" LIMIT $4
) AS record
ORDER BY wanted.turn, record."offset"
LIMIT $4
"""
_BEAT = """
INSERT INTO group_member AS me (group_name, member_id, backend_pid, topics) VALUES ($1, $2, $3, $4)
ON CONFLICT (group_name, member_id) DO UPDATE SET beat_at = clock_timestamp(), backend_pid = excluded.backend_pid
"""
_ALIVE = """
SELECT member_id FROM group_member
WHERE group_name = $1 AND beat_at > clock_timestamp() - make_interval(secs => $2)
  AND EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend_pid)
ORDER BY joined_at, member_id
"""
_FORGET = """
DELETE FROM group_member
WHERE group_name = $1 AND beat_at < clock_timestamp() - make_interval(secs => $2)
"""
_PRUNE_TURN = "SELECT pg_try_advisory_lock(hashtextextended('log pruning', 0))"
_PRUNE_TURN_OVER = "SELECT pg_advisory_unlock(hashtextextended('log pruning', 0))"
# A partition that holds only old records is cut behind the last one.
_CUTS = """
SELECT topic_id, partition, cut FROM partition CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT "offset" FROM record
        WHERE record.topic_id = partition.topic_id AND record.partition = partition.partition
            AND written_at >= now() - make_interval(days => $1)
        ORDER BY "offset" LIMIT 1), next_offset) AS cut) AS cuts
WHERE cut > start_offset
"""
_MOVE_START = "UPDATE partition SET start_offset = $3 WHERE topic_id = $1 AND partition = $2 AND start_offset < $3"
_PRUNE = f"""
DELETE FROM record WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM record WHERE topic_id = $1 AND partition = $2 AND "offset" < $3
    ORDER BY "offset" LIMIT {PRUNE_ROWS}))
"""

Wake = Callable[[Collection[TopicPartition]], None]
log = structlog.get_logger()


class PostgresTransport:
    """A ``Transport`` that keeps its log in the database ``dsn``; ``partitions`` for topics that it creates."""

    def __init__(self, dsn: str, partitions: int = 12) -> None:
        self._dsn = dsn
        self._partitions = partitions
        self._pool: asyncpg.Pool[Any] | None = None
        self._listener: Any = None
        self._counts: dict[str, int] = {}
        self._wakers: dict[str, list[Wake]] = {}

    async def open(self) -> None:
        try:
            self._pool = self._pool or await asyncpg.create_pool(
                self._dsn,
                min_size=0,
                max_size=8,
                timeout=10,
                command_timeout=20,
                reset=leave_as_it_is,
                server_settings={
                    "plan_cache_mode": "force_generic_plan",
                    "idle_in_transaction_session_timeout": "10000",
                    "timezone": "UTC",
                },
            )
            async with self._pool.acquire(timeout=5) as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('log schema', 0))")
                await connection.execute(CREATE)
        except PASSING_TROUBLE as error:
            raise TransportError(f"the embedded log cannot be reached: {error!r}") from error

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.terminate()
        if self._pool is not None:
            self._pool.terminate()

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        names = sorted(topics)
        async with self.connection() as connection, connection.transaction():
            await connection.executemany(_ENSURE_TOPIC, [(name, self._partitions) for name in names])
            await connection.execute(_ENSURE_PARTITIONS, names)
            rows = await connection.fetch("SELECT name, partitions FROM topic WHERE name = ANY($1)", names)
        self._counts.update({row["name"]: row["partitions"] for row in rows})
        return {name: self._counts[name] for name in names}

    async def partitions(self, topic: str) -> int:
        if topic not in self._counts:
            async with self.connection() as connection:
                count = await connection.fetchval("SELECT partitions FROM topic WHERE name = $1", topic)
            if count is None:
                raise TransportError(f"there is no topic {topic}")
            self._counts[topic] = count
        return self._counts[topic]

    async def is_written(self, topics: Collection[str]) -> bool:
        async with self.connection() as connection:
            return await connection.fetchval(_IS_WRITTEN, list(topics))  # type: ignore[no-any-return]

    async def prune(self, days: int) -> int:
        """A partition's start moves first: whoever would read what goes is told so, and nobody waits for a deletion."""
        async with self.connection() as connection:
            if not await connection.fetchval(_PRUNE_TURN):
                return 0
            try:
                return sum([await _cut(connection, *row) for row in await connection.fetch(_CUTS, days)])
            finally:
                await connection.execute(_PRUNE_TURN_OVER)

    async def producer(self, *, linger_ms: int) -> "PostgresProducer":  # noqa: ARG002 - it sends whole batches anyway
        return PostgresProducer(self)

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> "PostgresMember":
        places = [TopicPartition(t, p) for t in sorted(topics) for p in range(await self.partitions(t))]
        member = PostgresMember(self, group, places, listener)
        await member.start()
        return member

    @contextlib.asynccontextmanager
    async def connection(self) -> Any:
        """A connection of the log's pool; every trouble with it is a ``TransportError``."""
        if self._pool is None:
            raise TransportError("the embedded log is not open")
        try:
            async with self._pool.acquire(timeout=5) as connection:
                yield connection
        except PASSING_TROUBLE as error:
            raise TransportError(f"the embedded log cannot be reached: {error!r}") from error

    async def listener(self) -> Any:
        """The one connection on which this process hears of new records; also the sign that it is alive."""
        if self._listener is None or self._listener.is_closed():
            try:
                connection = await asyncpg.connect(self._dsn, timeout=10)
                await connection.add_listener("log", self._on_notification)
            except PASSING_TROUBLE as error:
                raise TransportError(f"the embedded log cannot be reached: {error!r}") from error
            if self._listener is not None and not self._listener.is_closed():
                await connection.close()
            else:
                self._listener = connection
        return self._listener

    def on_topic(self, topic: str, wake: Wake) -> None:
        self._wakers.setdefault(topic, []).append(wake)

    def forget(self, wake: Wake) -> None:
        for wakers in self._wakers.values():
            if wake in wakers:
                wakers.remove(wake)

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        name, *partitions = str(payload).split(" ")
        grown = [TopicPartition(name, int(partition)) for partition in partitions]
        for wake in self._wakers.get(name, ()):
            wake(grown)


async def _cut(connection: Any, topic_id: int, partition: int, cut: int) -> int:
    await connection.execute(_MOVE_START, topic_id, partition, cut)
    deleted = 0
    while True:
        step = int((await connection.execute(_PRUNE, topic_id, partition, cut)).rpartition(" ")[2])
        deleted += step
        if step < PRUNE_ROWS:
            return deleted


class PostgresProducer:
    """Writes a batch by one statement, which is one transaction."""

    def __init__(self, transport: PostgresTransport) -> None:
        self._transport = transport

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        counts = {record.topic: await self._transport.partitions(record.topic) for record in records}
        partitions = [
            zlib.crc32(r.key.encode()) % counts[r.topic] if r.partition is None else r.partition for r in records
        ]
        async with self._transport.connection() as connection:
            await connection.execute(
                APPEND,
                [record.topic for record in records],
                partitions,
                [record.key for record in records],
                [record.value for record in records],
                [json.dumps(dict(record.headers)) for record in records],
            )

    async def close(self) -> None:
        """Nothing is held."""


class PostgresMember:
    """A member of a group on the embedded log."""

    settled_seconds = 2 * BEAT_SECONDS

    def __init__(
        self, transport: PostgresTransport, group: str, places: Sequence[TopicPartition], listener: Listener
    ) -> None:
        self._transport = transport
        self._group = group
        self._places = places
        self._listener = listener
        self._member_id = uuid.uuid4()
        self._assigned: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        self._turn = 0
        self._wake = asyncio.Event()
        # Where there may be something to read, as far as we have been told; the sweep finds what was not told.
        self._grown: set[TopicPartition] = set()
        self._sweep_at = 0.0
        self._regroup = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for topic in {place.topic for place in self._places}:
            self._transport.on_topic(topic, self._on_records)
        self._transport.on_topic(f"group:{self._group}", self._on_group)
        self._beating = asyncio.create_task(self._beat())

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        places = sorted(partitions)
        async with self._transport.connection() as connection:
            rows = await connection.fetch(_BOUNDS, [p.topic for p in places], [p.partition for p in places])
        return {
            TopicPartition(row["name"], row["partition"]): Bounds(row["start_offset"], row["next_offset"])
            for row in rows
        }

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._assigned:
            self._next[partition] = offset
            self._grown.add(partition)

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        while True:
            self._wake.clear()
            if clock() >= self._sweep_at:
                self._grown.update(self._next)
                self._sweep_at = clock() + POLL_SECONDS
            if records := await self._read(self._grown.intersection(partitions, self._next), max_records):
                return records
            left = min(deadline, self._sweep_at) - clock()
            if clock() >= deadline:
                return []
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(left, 0))

    async def _read(self, places: Collection[TopicPartition], max_records: int) -> list[Record]:
        if not places:
            return []
        wanted = sorted(places)
        # Whoever stood first stands last in the next round, so that a busy partition does not starve the others.
        self._turn = (self._turn + 1) % len(wanted)
        wanted = wanted[self._turn :] + wanted[: self._turn]
        offsets = [self._next[place] for place in wanted]
        # Before we look: who is told of more while we do is looked at again.
        self._grown.difference_update(wanted)
        try:
            async with self._transport.connection() as connection:
                rows = await connection.fetch(
                    _READ, [p.topic for p in wanted], [p.partition for p in wanted], offsets, max_records
                )
        except BaseException:
            self._grown.update(wanted)
            raise
        if len(rows) == max_records:
            self._grown.update(wanted)
        return self._in_order(rows)

    def _in_order(self, rows: Sequence[asyncpg.Record]) -> list[Record]:
        """These as records, without those of partitions revoked while we were reading; ``PositionLost`` at a gap."""
        records = []
        for row in rows:
            headers = json.loads(row["headers"])
            record = Record(row["name"], row["partition"], row["offset"], row["value"], headers, row["key"])
            expected = self._next.get(record.place)
            if expected is None:
                continue
            if record.offset != expected:
                raise PositionLost(f"{record.place} goes on at {record.offset}, {expected} is gone")
            self._next[record.place] = record.offset + 1
            records.append(record)
        return records

    def _on_records(self, grown: Collection[TopicPartition]) -> None:
        self._grown.update(grown)
        self._wake.set()

    def _on_group(self, _nothing: Collection[TopicPartition]) -> None:
        self._regroup.set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nobody asks the embedded log for its lag: the metrics of the consumers tell it."""

    async def check(self) -> None:
        """Its beat finds out and says so by itself."""

    async def leave(self) -> None:
        if self._beating is not None:
            await end(self._beating)
        self._transport.forget(self._on_records)
        self._transport.forget(self._on_group)
        with contextlib.suppress(TransportError):
            async with self._transport.connection() as connection:
                await connection.execute("DELETE FROM group_member WHERE member_id = $1", self._member_id)
                await self._tell_group(connection)

    async def _beat(self) -> None:
        first = True
        while True:
            self._regroup.clear()
            try:
                alive = await self._alive(announce=first)
                first = False
                await self._share(alive)
            except TransportError as error:
                log.warning("group_beat_failed", group=self._group, error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._regroup.wait(), BEAT_SECONDS)

    async def _alive(self, *, announce: bool) -> list[uuid.UUID]:
        backend_pid = (await self._transport.listener()).get_server_pid()
        topics = sorted({place.topic for place in self._places})
        async with self._transport.connection() as connection:
            await connection.execute(_BEAT, self._group, self._member_id, backend_pid, topics)
            await connection.execute(_FORGET, self._group, 60 * DEAD_AFTER_SECONDS)
            if announce:
                await self._tell_group(connection)
            rows = await connection.fetch(_ALIVE, self._group, DEAD_AFTER_SECONDS)
        return [row["member_id"] for row in rows]

    async def _share(self, alive: Sequence[uuid.UUID]) -> None:
        if self._member_id not in alive:
            return
        me = alive.index(self._member_id)
        mine = {place for n, place in enumerate(self._places) if n % len(alive) == me}
        gone, new = self._assigned - mine, mine - self._assigned
        if gone:
            self._assigned -= gone
            await self._listener.revoked(gone)
            for place in gone:
                self._next.pop(place, None)
        if new:
            self._assigned |= new
            await self._listener.assigned(new)
        if gone or new:
            self._wake.set()

    async def _tell_group(self, connection: Any) -> None:
        await connection.execute("SELECT pg_notify('log', $1)", f"group:{self._group}")
