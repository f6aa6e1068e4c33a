"""A group on the embedded log. Members write heartbeats to a table, and all compute the same assignment from it."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from recobro_events._backoff import Backoff
from recobro_events._errors import MembershipLost, PositionLost, TopicPartition, TransportError
from recobro_events._log import pacing
from recobro_events._log.postgres_database import ALL_RECORDS, LONGEST_CHANNEL, LogDatabase
from recobro_events._log.transport import Bounds, Listener, Record
from recobro_events._tasks import end, signalled

BEAT_SECONDS = 1.0
MOST_BEAT_SECONDS = 5.0
"""The longest pause after a heartbeat that failed. A member counts as dead only after twice this time."""

DEAD_AFTER_SECONDS = 10.0
POLL_SECONDS = 0.5

_BOUNDS = """
SELECT name, partition, start_offset, next_offset FROM partition JOIN topic USING (topic_id)
WHERE (name, partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
"""
_READ = """
SELECT topic.name, record.partition, record."offset", record.value, record.headers, record.key
FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS wanted (name, partition, next_offset, turn)
JOIN topic ON topic.name = wanted.name
JOIN partition AS held
    ON held.topic_id = topic.topic_id AND held.partition = wanted.partition AND held.next_offset > wanted.next_offset
CROSS JOIN LATERAL (
    SELECT * FROM record
    WHERE record.topic_id = topic.topic_id AND record.partition = wanted.partition
      AND record."offset" >= wanted.next_offset
    ORDER BY record."offset" LIMIT $4
) AS record
ORDER BY wanted.turn, record."offset"
LIMIT $4
"""
# Nearly always a notification names one partition.
_READ_ONE = """
SELECT $1::text AS name, partition, "offset", value, headers, key FROM record
WHERE topic_id = (SELECT topic_id FROM topic WHERE name = $1) AND partition = $2 AND "offset" >= $3
ORDER BY "offset" LIMIT $4
"""
_BEAT = """
WITH me AS (
    INSERT INTO group_member AS known (group_name, member_id, backend_pid, topics, types) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (group_name, member_id) DO UPDATE SET beat_at = clock_timestamp(), backend_pid = excluded.backend_pid,
        types = excluded.types
    RETURNING joined_at, member_id
)
SELECT member_id FROM (
    SELECT * FROM me
    UNION ALL
    SELECT joined_at, member_id FROM group_member
    WHERE group_name = $1 AND member_id <> $2 AND beat_at > clock_timestamp() - make_interval(secs => $6)
      AND EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend_pid)
) AS alive
ORDER BY joined_at, member_id
"""
_DELETE_DEAD = """
DELETE FROM group_member
WHERE group_name = $1 AND beat_at < clock_timestamp() - make_interval(secs => $2)
"""

log = structlog.get_logger()


class PostgresMember:
    """A member of a group on the embedded log."""

    settled_seconds = 2 * BEAT_SECONDS

    def __init__(self, database: LogDatabase, group: str, places: Sequence[TopicPartition], listener: Listener) -> None:
        self._database = database
        self._group = group
        self._places = places
        self._listener = listener
        self._member_id = uuid.uuid4()
        self._assigned: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        self._turn = 0
        self._wake = asyncio.Event()
        # Partitions that may have records to read, from notifications; the sweep also finds those without one.
        self._grown: set[TopicPartition] = set()
        self._sweep_at = 0.0
        self._types: Sequence[str] | None = None
        self._paced: frozenset[str] = frozenset()
        # Partitions whose new records may wait until the timer ends.
        self._waiting: set[TopicPartition] = set()
        self._pace: asyncio.TimerHandle | None = None
        self._regroup = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for topic in {place.topic for place in self._places}:
            self._database.on_topic(topic, self._on_records)
        self._database.on_topic(f"group:{self._group}", self._on_group)
        self._beating = asyncio.create_task(self._beat())

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        places = sorted(partitions)
        async with self._database.connection() as connection:
            rows = await connection.fetch(_BOUNDS, [p.topic for p in places], [p.partition for p in places])
        return {
            TopicPartition(row["name"], row["partition"]): Bounds(row["start_offset"], row["next_offset"])
            for row in rows
        }

    def hurry_for(self, types: Collection[str], paced: Collection[str] = ()) -> None:
        """Be notified only of records of these types and of the types ``paced``. A sweep over all partitions finds the
        rest.

        Each type has a channel of its own. If a type is too long for a channel, the member is notified of all records.
        """
        types = {*types, *paced}
        if all(len(event_type.encode()) <= LONGEST_CHANNEL for event_type in types):
            self._types = sorted(types)
            self._paced = frozenset(paced)
            self._database.hear(self._types)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._assigned:
            self._next[partition] = offset
            self._grown.add(partition)

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        await self.check()
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        while True:
            self._wake.clear()
            if clock() >= self._sweep_at:
                self._end_wait(self._next)
                self._sweep_at = clock() + POLL_SECONDS
            if records := await self._read(self._grown.intersection(partitions, self._next), max_records):
                return records
            left = min(deadline, self._sweep_at) - clock()
            if clock() >= deadline:
                return []
            await signalled(self._wake, max(left, 0))

    async def _read(self, places: Collection[TopicPartition], max_records: int) -> list[Record]:
        if not places:
            return []
        wanted = sorted(places)
        # The partition that is first now is last in the next round, so that a busy partition does not starve others.
        self._turn = (self._turn + 1) % len(wanted)
        wanted = wanted[self._turn :] + wanted[: self._turn]
        offsets = [self._next[place] for place in wanted]
        # Clear these before the query: a notification that comes during it marks its partitions again.
        self._grown.difference_update(wanted)
        try:
            async with self._database.connection() as connection:
                if len(wanted) == 1:
                    rows = await connection.fetch(_READ_ONE, *wanted[0], *offsets, max_records)
                else:
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
        """The rows as records, without partitions revoked during the read. Raises ``PositionLost`` at a gap."""
        records = []
        for row in rows:
            headers = json.loads(row["headers"])
            record = Record(row["name"], row["partition"], row["offset"], row["value"], headers, row["key"])
            expected = self._next.get(record.place)
            if expected is None:
                continue
            if record.offset != expected:
                raise PositionLost(f"{record.place} continues at {record.offset}: record {expected} is gone")
            self._next[record.place] = record.offset + 1
            records.append(record)
        return records

    def _on_records(self, channel: str, grown: Collection[TopicPartition]) -> None:
        if self._types is not None and channel not in self._types:
            # Another member of this process reads all types.
            return
        if channel not in self._paced:
            self._end_wait(grown)
            self._wake.set()
            return
        self._waiting.update(grown)
        if self._pace is None:
            self._pace = asyncio.get_running_loop().call_later(pacing.PACE_SECONDS, self._on_time)

    def _on_time(self) -> None:
        self._end_wait(())
        self._wake.set()

    def _end_wait(self, grown: Collection[TopicPartition]) -> None:
        """Let these partitions be read now, and with them the partitions that wait."""
        self._grown.update(grown, self._waiting)
        self._waiting.clear()
        if self._pace is not None:
            self._pace.cancel()
            self._pace = None

    def _on_group(self, _channel: str, _nothing: Collection[TopicPartition]) -> None:
        self._regroup.set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Do nothing: the embedded log has no lag metrics. ``consumer_position_lag`` has the lag."""

    async def check(self) -> None:
        """Raises ``MembershipLost`` if the heartbeat has ended. Transient errors do not end it; other errors do."""
        if self._beating is not None and self._beating.done():
            raise MembershipLost(f"the heartbeat of {self._group} has ended") from self._beating.exception()

    async def leave(self) -> None:
        if self._beating is not None:
            await end(self._beating)
        self._database.remove_waker(self._on_records)
        self._database.remove_waker(self._on_group)
        with contextlib.suppress(TransportError):
            async with self._database.connection() as connection:
                await connection.execute("DELETE FROM group_member WHERE member_id = $1", self._member_id)
                await self._notify_group(connection)

    async def _beat(self) -> None:
        first = True
        backoff = Backoff(BEAT_SECONDS, MOST_BEAT_SECONDS)
        while True:
            self._regroup.clear()
            try:
                alive = await self._alive(announce=first)
                first = False
                await self._share(alive)
            except TransportError as error:
                log.warning("group_beat_failed", group=self._group, error=type(error).__name__)
                await backoff.wait()
                continue
            backoff.reset()
            await signalled(self._regroup, BEAT_SECONDS)

    async def _alive(self, *, announce: bool) -> list[uuid.UUID]:
        if self._types is None:
            self._database.hear([ALL_RECORDS])
        backend_pid = (await self._database.listener()).get_server_pid()
        topics = sorted({place.topic for place in self._places})
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                _BEAT, self._group, self._member_id, backend_pid, topics, self._types, DEAD_AFTER_SECONDS
            )
            if announce:
                await connection.execute(_DELETE_DEAD, self._group, 60 * DEAD_AFTER_SECONDS)
                await self._notify_group(connection)
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

    async def _notify_group(self, connection: Any) -> None:
        await connection.execute("SELECT pg_notify('log', $1)", f"group:{self._group}")
