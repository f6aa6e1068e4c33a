"""A service's own PostgreSQL: a bounded pool, and transactions whose events leave with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import asyncpg

from recobro_events.contracts.base import Event, Lane
from recobro_events.errors import TransportError
from recobro_events.ids import caused_event_id, new_event_id
from recobro_events.tracing import current_traceparent

PASSING_TROUBLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg makes of a session that the server has ended a moment ago.
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # Somebody has migrated the tables: the connection's plans are made anew.
    asyncpg.InvalidCachedStatementError,
    # This process had been frozen; the server is another one since a moment ago; its disk cannot be read.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    ConnectionError,
    TimeoutError,
    OSError,
    TransportError,
)
"""Errors of the database or the log that say nothing about the work itself: trying again may help."""

Row = asyncpg.Record

_WRITE = """
INSERT INTO outbox_{lane} (event_id, type, key, partition, traceparent, audience, body{topic})
SELECT event_id, type, key, partition, coalesce(traceparent, $8), $9, body{topic}
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[])
    WITH ORDINALITY AS event (event_id, type, key, partition, body, topic, traceparent, n)
ORDER BY n
"""


# As they travel to PostgreSQL and back. Amounts in asyncpg's own binary form take Python three times as long.
_AS_TEXT: Mapping[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "json": (json.dumps, json.loads),
    "jsonb": (json.dumps, json.loads),
    "numeric": (str, Decimal),
}

_BEGIN_SECONDS = 5.0
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# Planning a statement anew for every fact costs more than running it; for thousands of them a plan of their own pays.
_BEGIN_WITH_KEPT_PLANS = f"{_BEGIN}; SET LOCAL plan_cache_mode = force_generic_plan"


T = TypeVar("T")


class Note(Generic[T]):
    """What the parts of one transaction leave to each other: a handler to the consumer's ``last`` hook, say.

    ``default`` makes its first value in each transaction. A savepoint that fails takes back what its block put into
    the value, one level deep.
    """

    def __init__(self, default: Callable[[], T]) -> None:
        self.default = default


class Transaction:
    """One READ COMMITTED transaction, and the events that are published if and only if it commits.

    ``consumer`` is set in a consumer's batch; there an event needs its ``cause``. ``service`` is whose transaction it
    is, ``partitions`` how many each of its topics has, by lane. ``traces`` are those of the events that
    are being applied, by their ids: what they cause belongs to them. ``audience`` is set while what holds is said
    again.
    """

    def __init__(
        self, connection: Any, *, service: str, partitions: Mapping[Lane, int], consumer: str | None = None
    ) -> None:
        self.connection = connection
        self.service = service
        self.partitions = partitions
        self.consumer = consumer
        self.audience: str | None = None
        self.wrote: set[Lane] = set()
        self._notes: dict[Note[Any], Any] = {}
        self.traces: Mapping[UUID, str] = {}
        self._outgoing: dict[Lane, list[tuple[UUID, str, str, int | None, str, str | None, str | None]]] = {}
        self._numbers: dict[tuple[UUID, str, str], int] = {}
        self._after_commit: list[Callable[[], None]] = []

    def note(self, note: Note[T]) -> T:
        """The value of ``note`` in this transaction, to be changed in place."""
        if note not in self._notes:
            self._notes[note] = note.default()
        return cast(T, self._notes[note])

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail: when the block raises, its rows, its events and its notes are as before it."""
        outgoing = {lane: list(rows) for lane, rows in self._outgoing.items()}
        notes = {note: copy(value) for note, value in self._notes.items()}
        wrote, numbers, after_commit = set(self.wrote), dict(self._numbers), list(self._after_commit)
        await self.execute("SAVEPOINT part")
        try:
            yield
        except Exception:
            await self.execute("ROLLBACK TO SAVEPOINT part")
            self._outgoing, self._notes = outgoing, notes
            self.wrote, self._numbers, self._after_commit = wrote, numbers, after_commit
            raise
        await self.execute("RELEASE SAVEPOINT part")

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        return await self.connection.fetch(sql, *arguments)  # type: ignore[no-any-return]

    async def fetchrow(self, sql: str, *arguments: Any) -> Row | None:
        return await self.connection.fetchrow(sql, *arguments)  # type: ignore[no-any-return]

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> str:
        return await self.connection.execute(sql, *arguments)  # type: ignore[no-any-return]

    def publish(
        self,
        *events: Event,
        cause: Event | UUID | None = None,
        follows: Event | None = None,
        partition: int | None = None,
    ) -> None:
        """Publish these with this transaction, in this order.

        In a consumer ``cause`` is the event that is being applied; its id makes theirs, so that an event applied
        again publishes the same ones. ``follows`` is that event where ``cause`` is an id made from its own: theirs is
        its trace. The caller holds the row lock of what the events are about.
        """
        for event in events:
            self.publish_on(type(event).lane, event, cause=cause, follows=follows, partition=partition)

    def publish_on(
        self,
        lane: Lane,
        event: Event,
        *,
        cause: Event | UUID | None = None,
        follows: Event | None = None,
        partition: int | None = None,
    ) -> None:
        """``publish`` on a lane that is not the event's own: the runtime's markers travel on all of them."""
        key, trace = event.key, self._trace_of(follows or cause)
        event_id = self._event_id(type(event).type, key, cause)
        row = (event_id, type(event).type, key, partition, event.body(), event.topic, trace)
        self._outgoing.setdefault(lane, []).append(row)

    def wrote_outbox(self, lane: Lane) -> None:
        """Say that a statement of this transaction inserted into the lane's outbox itself."""
        self.wrote.add(lane)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the transaction has committed; it must not fail and not wait."""
        self._after_commit.append(callback)

    def _trace_of(self, cause: Event | UUID | None) -> str | None:
        return self.traces.get(cause.event_id if isinstance(cause, Event) else cause) if cause is not None else None

    def _event_id(self, event_type: str, key: str, cause: Event | UUID | None) -> UUID:
        if cause is None:
            if self.consumer is not None:
                raise ValueError(f"{event_type} is published by a consumer and needs its cause")
            return new_event_id()
        cause_id = cause.event_id if isinstance(cause, Event) else cause
        name = (cause_id, event_type, key)
        n = self._numbers.get(name, 0)
        self._numbers[name] = n + 1
        return caused_event_id(cause_id, self.consumer or "api", event_type, key, n)

    async def flush(self) -> None:
        """Write the published events to the outbox; called for you before the commit."""
        for lane, rows in self._outgoing.items():
            write = _WRITE.format(lane=lane, topic=", topic" if lane is Lane.AGENCIES else "")
            await self.execute(write, *zip(*rows, strict=True), current_traceparent(), self.audience)
            self.wrote.add(lane)
        self._outgoing.clear()

    def committed(self) -> None:
        for callback in self._after_commit:
            callback()


class Database:
    """A bounded pool of connections to one service's database.

    ``acquire_timeout_seconds`` bounds the wait for a free connection (``TimeoutError``), ``statement_timeout_seconds``
    every statement, ``lock_timeout_seconds`` every wait for a row. ``service`` and ``partitions`` (of its own topics,
    by lane) are told by the ``Runtime`` that runs on it.
    """

    def __init__(
        self,
        dsn: str,
        *,
        max_connections: int = 10,
        acquire_timeout_seconds: float = 2.0,
        statement_timeout_seconds: float = 60.0,
        lock_timeout_seconds: float = 10.0,
    ) -> None:
        self.dsn = dsn
        self.service = ""
        self.partitions: Mapping[Lane, int] = {}
        self._max_connections = max_connections
        self._acquire_timeout_seconds = acquire_timeout_seconds
        # The server ends a statement first. Only where nobody answers any more does the client.
        self._command_timeout_seconds = statement_timeout_seconds + 5
        self._settings = {
            "statement_timeout": str(int(statement_timeout_seconds * 1000)),
            "lock_timeout": str(int(lock_timeout_seconds * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
        }
        self._pool: asyncpg.Pool[Any] | None = None
        self._on_outbox: list[Callable[[frozenset[Lane]], None]] = []
        self.local_relays: set[Lane] = set()
        """The lanes whose active relay lives in this process: waking it in memory is enough."""

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=self._max_connections,
            init=_speak_text,
            # Nothing here outlives its transaction in a session, so nothing has to be reset.
            reset=leave_as_it_is,
            server_settings=self._settings,
            timeout=10,
            command_timeout=self._command_timeout_seconds,
        )

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except TimeoutError:
                pool.terminate()

    def on_outbox(self, wake: Callable[[frozenset[Lane]], None]) -> None:
        """Call ``wake`` with the lanes whenever a transaction of this process has committed events."""
        self._on_outbox.append(wake)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside of any transaction, for reading; ``TimeoutError`` when none gets free."""
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        async with self._pool.acquire(timeout=self._acquire_timeout_seconds) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self, consumer: str | None = None, *, bulk: bool = False) -> AsyncIterator[Transaction]:
        """A transaction: commits when the block ends, rolls back when it raises.

        Its statements run with plans that are kept from one time to the next; with ``bulk``, for statements on
        thousands of rows, with plans made for what they are given.
        """
        async with self.connection() as connection:
            tx = Transaction(connection, service=self.service, partitions=self.partitions, consumer=consumer)
            await _begin(connection, _BEGIN if bulk else _BEGIN_WITH_KEPT_PLANS)
            try:
                yield tx
                await tx.flush()
                if elsewhere := tx.wrote - self.local_relays:
                    await tx.execute(
                        "SELECT pg_notify('outbox', lane) FROM unnest($1::text[]) AS lane", list(elsewhere)
                    )
                if await connection.execute("COMMIT") != "COMMIT":
                    raise RuntimeError("a statement had failed, and the transaction went on as if it had not")
            except BaseException:
                await _roll_back(connection)
                raise
        tx.committed()
        if tx.wrote:
            for wake in self._on_outbox:
                wake(frozenset(tx.wrote))

    async def direct_connection(self) -> Any:
        """A connection of its own, never through the pool, for session locks and LISTEN."""
        connection = await asyncpg.connect(self.dsn, timeout=10, server_settings={"timezone": "UTC"})
        await _speak_text(connection)
        return connection


async def leave_as_it_is(_connection: Any) -> None:
    """How a pool takes back a connection whose session nobody changes: asyncpg's own reset is a statement."""


async def _begin(connection: Any, statement: str) -> None:
    """Begin; a connection on which that takes seconds leads nowhere any more, and is closed."""
    try:
        await connection.execute(statement, timeout=_BEGIN_SECONDS)
    except BaseException:
        connection.terminate()
        raise


async def _roll_back(connection: Any) -> None:
    """End the transaction; a connection on which that fails is closed, and the server rolls back."""
    if connection.is_closed():
        return
    try:
        await connection.execute("ROLLBACK", timeout=10)
    except PASSING_TROUBLE:
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise


async def _speak_text(connection: Any) -> None:
    for name, (encoder, decoder) in _AS_TEXT.items():
        await connection.set_type_codec(name, encoder=encoder, decoder=decoder, schema="pg_catalog")


def sorted_unique(keys: Iterable[UUID]) -> Sequence[UUID]:
    """Keys in the order in which rows are locked everywhere."""
    return sorted(set(keys))
