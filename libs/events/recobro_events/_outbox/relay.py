"""The relay moves events from the outbox to the log, in outbox order; one is active per service and lane."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import asyncpg
import structlog

from recobro_events import _metrics as metrics
from recobro_events._backoff import Backoff
from recobro_events._consumer import Consumer
from recobro_events._database.database import LATER, Database
from recobro_events._database.transaction import Transaction
from recobro_events._errors import TRANSIENT_ERRORS, RecordRefused
from recobro_events._log import pacing
from recobro_events._log.transport import Transport
from recobro_events._outbox.floor import Floor
from recobro_events._outbox.sending import Sending
from recobro_events._outbox.setting_aside import IS_PARKED, Unsent, due
from recobro_events._silencing import STATEMENTS
from recobro_events._tasks import end, signalled
from recobro_events.contracts.base import Lane

BATCH_RECORDS = 1_000
BATCH_BYTES = 1_000_000
HEARTBEAT_SECONDS = 5.0
FROZEN_AFTER_SECONDS = 30.0
POLL_SECONDS = 0.5
IDLE_SECONDS = 2.0
"""A relay that has nothing to delete looks for new rows after this time, though each commit with rows wakes it."""
STANDBY_SECONDS = 1.0
TRANSACTION_SECONDS = 30.0
RETRIED_ROWS = 20
FEW_ROWS = 20
"""Up to this many sent rows wait until the next row wakes the relay, or until the next poll; this saves a statement."""
RETRY_SECONDS = (0.05, 5.0)
"""The shortest and the longest pause after an error; the pauses grow until a batch is published."""

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_FETCH = """
SELECT id, event_id, type, key, partition, occurred_at, traceparent, audience, body, {topic} AS topic,
    {is_parked} AND type NOT IN {statements} AS is_parked
FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS bytes_before
    FROM (
        SELECT * FROM outbox_{lane} AS waiting
        WHERE id > $4 AND id <> ALL ($3::bigint[])
        ORDER BY id LIMIT $1
    ) AS head
) AS measured
WHERE bytes_before < $2
ORDER BY id
"""
# One round trip deletes the rows that were published and fetches the next.
_NEXT = f"""
WITH published AS (DELETE FROM outbox_{{lane}} WHERE id = ANY($3::bigint[]))
{_FETCH}
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

    Any number of relays may run. The relay that holds the session lock is active, and the others stand by. A standby
    takes over when the active relay dies, or when it has been frozen for ``frozen_after_seconds``. Before that the
    standby terminates the frozen relay's backend, so that the frozen relay cannot delete anything when it wakes.

    A row is deleted once the log has acknowledged it, by the statement that fetches the next rows. So each row is
    published at least once. The first copies of a key's events are in the order of the key's facts. An event that the
    log can never take is unsent, and later events of its key wait behind it. ``run`` raises ``TooManySetAside`` when
    the log refuses events of so many keys that the log must be at fault. ``consumer`` has the service's own handlers
    for ``ContractSetAside`` and ``ContractReplayed``.
    """

    def __init__(
        self,
        lane: Lane,
        database: Database,
        transport: Transport,
        *,
        consumer: Consumer | None = None,
        frozen_after_seconds: float = FROZEN_AFTER_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.lane = lane
        self.active = False
        self._database = database
        self._frozen_after_seconds = frozen_after_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._labels = (database.service, lane.value)
        self._lock_name = f"relay:{lane}"
        topic = "topic" if lane is Lane.AGENCIES else f"'{database.service}.{lane}'"
        is_parked = IS_PARKED.format(lane=lane, row="measured")
        names = {"lane": lane, "topic": topic, "is_parked": is_parked, "statements": STATEMENTS}
        # Without rows to delete, a trigger that handles deleted rows would cost as much as the fetch.
        self._fetch, self.statement = _FETCH.format(**names), _NEXT.format(**names)
        self._sending = Sending(database.service, lane, transport)
        self._unsent = Unsent(database.service, lane, consumer)
        self._is_retry_due = False
        self._pace: asyncio.TimerHandle | None = None
        # The deletion of an agency's event makes it readable over HTTP.
        self._may_delete_later = lane is not Lane.AGENCIES
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._backoff = Backoff(*RETRY_SECONDS)
        self._connection: Any = None
        # A connection runs one statement at a time, so the heartbeat and the batches take turns.
        self._turn = asyncio.Lock()
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
                self._end_pace()
                fetch = self.statement if published else self._fetch
                rows = await self._query("fetch", fetch, BATCH_RECORDS, BATCH_BYTES, published, self.floor.id)
                published = []
                if self._stopping.is_set():
                    break
                if rows:
                    published = await self._publish(rows)
                if self._is_retry_due:
                    await self._retry()
                self._backoff.reset()
                if not rows or (self._may_delete_later and len(published) == len(rows) and _are_few(rows)):
                    metrics.OUTBOX_OLDEST_SECONDS.labels(*self._labels).set(0)
                    await signalled(self._wake, POLL_SECONDS if published else IDLE_SECONDS)
            if heartbeat.done():
                heartbeat.result()
        finally:
            self._set_active(active=False)
            await end(heartbeat)
            await self._sending.close()

    async def _publish(self, rows: Sequence[asyncpg.Record]) -> list[int]:
        """Send these rows up to the first that the log refuses, which becomes unsent. Return the ids of the rows sent.

        Rows that have to wait behind an unsent event are moved to ``unsent_events``.
        """
        if parked := [row["id"] for row in rows if row["is_parked"]]:
            async with self._transaction() as tx:
                await self._unsent.queue(tx, parked)
        free = [row for row in rows if not row["is_parked"]]
        sent, why = await self._send(free)
        published = [row["id"] for row in free[:sent]]
        if why is None:
            return published
        # If the next transaction fails, these rows must not be sent again with every attempt.
        await self._query("execute", f"DELETE FROM outbox_{self.lane} WHERE id = ANY($1::bigint[])", published)
        async with self._transaction() as tx:
            await self._unsent.set_aside(tx, free[sent], why)
        return []

    async def _send(self, rows: Sequence[asyncpg.Record]) -> tuple[int, str | None]:
        """Send these rows; return how many were sent, and why the log refuses the next one, if it does.

        Rows that are refused are halved until the refused row stands alone. No row behind it is sent.
        """
        if not rows:
            return 0, None
        try:
            await self._sending.send(rows)
        except RecordRefused as error:
            if len(rows) == 1:
                return 0, str(error)
            middle = len(rows) // 2
            sent, why = await self._send(rows[:middle])
            if why is None:
                more, why = await self._send(rows[middle:])
                sent += more
            return sent, why
        return len(rows), None

    async def _retry(self) -> None:
        """Send some unsent events again: the first events of the key that has waited longest for its retry."""
        rows = await due(self._query, self.lane, RETRIED_ROWS)
        self._is_retry_due = bool(rows)
        if not rows:
            return
        sent, why = await self._send(list(takewhile(lambda row: row["body"] is not None, rows)))
        if why is None and sent < len(rows):
            why = "the event's content has expired: discard the event"
        async with self._transaction() as tx:
            await self._unsent.settle(tx, rows[:sent], None if why is None else rows[sent], why)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        """A transaction on the connection that holds the lock: a relay that was replaced cannot commit it."""
        async with asyncio.timeout(TRANSACTION_SECONDS), self._turn:
            if self._connection is None:
                raise asyncpg.InterfaceError("the relay's connection is gone")
            async with self._database.transaction(self._unsent.name, on=self._connection) as tx:
                await tx.execute("SET LOCAL lock_timeout = '10s'")
                yield tx

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
            if await due(self._query, self.lane, 1):
                self._is_retry_due = True
                self._wake.set()

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
            # A crash of PostgreSQL may undo a deletion. The rows are then published again, which does no harm.
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

    def _set_active(self, *, active: bool) -> None:
        self.active = active
        metrics.RELAY_ACTIVE.labels(*self._labels).set(active)
        if active:
            self._database.local_relays.add(self.lane)
        else:
            self._database.local_relays.discard(self.lane)

    def _on_outbox(self, lanes: Mapping[Lane, bool]) -> None:
        if self.lane in lanes:
            self._wake_up(in_hurry=lanes[self.lane])

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        lane, _, when = str(payload).partition(" ")
        if lane == self.lane.value:
            self._wake_up(in_hurry=when != LATER)

    def _end_pace(self) -> None:
        if self._pace is not None:
            self._pace.cancel()
            self._pace = None

    def _wake_up(self, *, in_hurry: bool) -> None:
        """Fetch the new rows with all rows before them. If the new rows may wait, fetch them a moment later."""
        if in_hurry:
            self._wake.set()
        elif self._pace is None:
            self._pace = asyncio.get_running_loop().call_later(pacing.PACE_SECONDS, self._wake.set)


def _are_few(rows: Sequence[asyncpg.Record]) -> bool:
    """Whether these are few rows, and all that were waiting."""
    return len(rows) <= FEW_ROWS and sum(len(row["body"]) for row in rows) < BATCH_BYTES // 4
