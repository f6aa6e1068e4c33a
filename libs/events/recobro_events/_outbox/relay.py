"""The relay moves events from the outbox to the log, in outbox order; one is active per service and lane."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import asyncpg
import structlog

from recobro_events import _metrics as metrics
from recobro_events._backoff import Backoff
from recobro_events._database.database import Database
from recobro_events._errors import TRANSIENT_ERRORS, TransportError
from recobro_events._log.envelope import headers_of
from recobro_events._log.transport import OutgoingRecord, Producer, Transport
from recobro_events._outbox.floor import Floor
from recobro_events._tasks import end, in_turns
from recobro_events.contracts.base import Envelope, Lane
from recobro_events.tracing import Span, continued, export, is_exported, now_ns

BATCH_RECORDS = 1_000
BATCH_BYTES = 1_000_000
HEARTBEAT_SECONDS = 5.0
FROZEN_AFTER_SECONDS = 30.0
POLL_SECONDS = 0.5
STANDBY_SECONDS = 1.0
PUBLISH_TIMEOUT_SECONDS = 30.0
RETRY_SECONDS = (0.05, 5.0)
"""The shortest and the longest pause after an error; the pauses grow until a batch is published."""

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
# One round trip deletes the rows that were published and fetches the next.
_NEXT = """
WITH published AS (DELETE FROM outbox_{lane} WHERE id = ANY($3::bigint[]) RETURNING id)
SELECT id, event_id, type, key, partition, occurred_at, traceparent, audience, body, {topic} AS topic
FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS bytes_before
    FROM (
        SELECT * FROM outbox_{lane} AS waiting
        WHERE id > $4 AND NOT EXISTS (SELECT FROM published WHERE published.id = waiting.id)
        ORDER BY id LIMIT $1
    ) AS head
) AS measured
WHERE bytes_before < $2
ORDER BY id
"""
_BEAT = """
INSERT INTO relay_heartbeat (lane, backend_pid, beat_at) VALUES ($1, pg_backend_pid(), clock_timestamp())
ON CONFLICT (lane) DO UPDATE SET backend_pid = excluded.backend_pid, beat_at = excluded.beat_at
"""
_FIRST_BEAT = """
INSERT INTO relay_heartbeat (lane, backend_pid, beat_at) VALUES ($1, 0, clock_timestamp()) ON CONFLICT DO NOTHING
"""
# The key of a one-argument advisory lock is split over classid and objid in pg_locks.
_TERMINATE_FROZEN = """
SELECT lock.pid, pg_terminate_backend(lock.pid)
FROM pg_locks AS lock JOIN relay_heartbeat AS heartbeat ON heartbeat.lane = $1
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (lock.classid::bigint << 32) | lock.objid::bigint = hashtextextended($2, 0)
  AND heartbeat.beat_at < clock_timestamp() - make_interval(secs => $3)
"""

log = structlog.get_logger()


class Relay:
    """Moves one lane of one service's outbox to the log.

    Any number of relays may run. The relay that holds the session lock is active. The others stand by and take over
    when it dies, or when it has been frozen for ``frozen_after_seconds``; its backend is terminated then, so that it
    cannot delete anything when it wakes. A row is deleted once the log has acknowledged it. A row may be published
    twice, but never not at all. The first copies of a key's events are in the order of its facts.
    """

    def __init__(
        self,
        lane: Lane,
        database: Database,
        transport: Transport,
        *,
        frozen_after_seconds: float = FROZEN_AFTER_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.lane = lane
        self.active = False
        self._database = database
        self._transport = transport
        self._frozen_after_seconds = frozen_after_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._labels = (database.service, lane.value)
        self._lock_name = f"relay:{lane}"
        topic = "topic" if lane is Lane.AGENCIES else f"'{database.service}.{lane}'"
        self.statement = _NEXT.format(lane=lane, topic=topic)
        self._topics: set[str] = set()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._backoff = Backoff(*RETRY_SECONDS)
        self._connection: Any = None
        # A connection runs one statement at a time, so the heartbeat and the batches take turns.
        self._turn = asyncio.Lock()
        self._producer: Producer | None = None
        self.floor = Floor(lane, self._query)
        database.on_outbox(self._on_outbox)

    async def run(self) -> None:
        """Relay until ``stop``; transient errors of the database or the log are retried for ever."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._connect()
                    if await self._query("fetchval", _LOCK, self._lock_name):
                        await self._relay()
                    else:
                        await self._stand_by()
                except TRANSIENT_ERRORS as error:
                    metrics.RELAY_FAILURES.labels(*self._labels).inc()
                    log.warning("relay_interrupted", lane=self.lane.value, error=type(error).__name__)
                    await self._disconnect()
                    # A commit does not end this pause: the next attempt would fail like the last.
                    await self._backoff.wait(self._stopping)
        finally:
            await self._disconnect()

    def stop(self) -> None:
        """End ``run`` after the batch that is under way."""
        self._stopping.set()
        self._wake.set()

    async def _relay(self) -> None:
        await self._query("execute", _BEAT, self.lane.value)
        self._set_active(active=True)
        self.floor = Floor(self.lane, self._query)
        # Set the metric here too: if the log refuses each attempt at once, no heartbeat would set it.
        await self._report_age()
        heartbeat = asyncio.create_task(self._beat())
        try:
            published: list[int] = []
            while not heartbeat.done():
                self._wake.clear()
                rows = await self._query("fetch", self.statement, BATCH_RECORDS, BATCH_BYTES, published, self.floor.id)
                published = []
                if self._stopping.is_set():
                    break
                if rows:
                    await self._publish(rows)
                    published = [row["id"] for row in rows]
                self._backoff.reset()
                if not rows:
                    metrics.OUTBOX_OLDEST_SECONDS.labels(*self._labels).set(0)
                    await self._pause(POLL_SECONDS)
            if heartbeat.done():
                heartbeat.result()
        finally:
            self._set_active(active=False)
            await end(heartbeat)
            await self._drop_producer()

    async def _publish(self, rows: Sequence[asyncpg.Record]) -> None:
        """Send these rows, and return when the log has acknowledged all of them."""
        if self._producer is None:
            self._producer = await self._transport.producer(linger_ms=0 if self.lane is Lane.EVENTS else 5)
        records = [self._record(row) async for some in in_turns(rows) for row in some]
        try:
            if unseen := {record.topic for record in records} - self._topics:
                await asyncio.wait_for(self._transport.ensure_topics(unseen), PUBLISH_TIMEOUT_SECONDS)
                self._topics |= unseen
            with metrics.PUBLISH_SECONDS.labels(*self._labels).time():
                await asyncio.wait_for(self._producer.send(records), PUBLISH_TIMEOUT_SECONDS)
        except (TimeoutError, TransportError) as error:
            # Records that were sent may still arrive; only a new producer orders them before the next ones.
            await self._drop_producer()
            raise TransportError(f"the log did not acknowledge: {error!r}") from error
        metrics.EVENTS_PUBLISHED.labels(*self._labels).inc(len(rows))
        if self.lane is Lane.EVENTS and is_exported():
            self._export_spans(rows)

    def _export_spans(self, rows: Sequence[asyncpg.Record]) -> None:
        """Export a span per event, from its fact to the log's acknowledgement."""
        ended_ns = now_ns()
        for row in rows:
            started_ns = int(row["occurred_at"].timestamp() * 1e9)
            own, parent = continued(row["traceparent"]), row["traceparent"]
            export(Span(f"publish {row['type']}", "producer", own, parent, started_ns, ended_ns, {}))

    def _record(self, row: asyncpg.Record) -> OutgoingRecord:
        envelope = Envelope(
            event_id=row["event_id"],
            type=row["type"],
            source=self._labels[0],
            occurred_at=row["occurred_at"],
            key=row["key"],
            traceparent=row["traceparent"],
            audience=row["audience"],
        )
        return OutgoingRecord(row["topic"], row["key"], row["body"].encode(), headers_of(envelope), row["partition"])

    async def _report_age(self) -> None:
        age = (
            f"SELECT extract(epoch FROM clock_timestamp() - occurred_at) FROM outbox_{self.lane}"
            " WHERE id > $1 ORDER BY id LIMIT 1"
        )
        oldest = await self._query("fetchval", age, self.floor.id)
        metrics.OUTBOX_OLDEST_SECONDS.labels(*self._labels).set(oldest or 0)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            await self._query("execute", _BEAT, self.lane.value)
            await self._report_age()
            await self.floor.rise()

    async def _stand_by(self) -> None:
        metrics.OUTBOX_OLDEST_SECONDS.labels(*self._labels).set(0)
        await self._query("execute", _FIRST_BEAT, self.lane.value)
        frozen = await self._query(
            "fetch", _TERMINATE_FROZEN, self.lane.value, self._lock_name, self._frozen_after_seconds
        )
        for row in frozen:
            log.warning("frozen_relay_terminated", lane=self.lane.value, backend_pid=row["pid"])
        self._backoff.reset()
        if not frozen:
            await asyncio.sleep(min(STANDBY_SECONDS, self._frozen_after_seconds / 4))

    async def _connect(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.direct_connection()
            # A crash of PostgreSQL may undo a deletion; its rows are then only published again.
            await self._connection.execute("SET synchronous_commit = off")
            await self._connection.add_listener("outbox", self._on_notification)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*TRANSIENT_ERRORS):
                await connection.close(timeout=2)

    async def _query(self, method: str, sql: str, *arguments: Any) -> Any:
        async with self._turn:
            if self._connection is None:
                raise asyncpg.InterfaceError("the relay's connection is gone")
            return await getattr(self._connection, method)(sql, *arguments, timeout=30)

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _set_active(self, *, active: bool) -> None:
        self.active = active
        metrics.RELAY_ACTIVE.labels(*self._labels).set(active)
        if active:
            self._database.local_relays.add(self.lane)
        else:
            self._database.local_relays.discard(self.lane)

    def _on_outbox(self, lanes: frozenset[Lane]) -> None:
        if self.lane in lanes:
            self._wake.set()

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if payload == self.lane.value:
            self._wake.set()
