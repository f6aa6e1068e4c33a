"""Transactions of a service's database, which also publish events."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import asyncpg

from recobro_events._errors import EventTooLarge
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events._limits import MAX_EVENT_BYTES, too_large
from recobro_events.contracts.base import Event, Lane
from recobro_events.tracing import current_traceparent

Row = asyncpg.Record

_WRITE = """
INSERT INTO outbox_{lane} (event_id, type, key, partition, traceparent, audience, body{topic})
SELECT event_id, type, key, partition, coalesce(traceparent, $8), $9, body{topic}
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[])
    WITH ORDINALITY AS event (event_id, type, key, partition, body, topic, traceparent, n)
ORDER BY n
"""

T = TypeVar("T")


class Note(Generic[T]):
    """A value that parts of one transaction share, such as a handler and the consumer's ``last`` hook.

    ``default`` makes the first value in each transaction. When the block of a savepoint raises, the note gets back the
    value that it had before the block. The savepoint keeps a shallow copy of that value.
    """

    def __init__(self, default: Callable[[], T]) -> None:
        self.default = default


class Transaction:
    """One READ COMMITTED transaction, and the events that are published if and only if it commits.

    ``consumer`` is set in a consumer's batch, where each published event needs its ``cause``. ``service`` owns the
    database; ``partitions`` has the number of partitions of its topics, by lane. ``traces`` has the traceparents of the
    events that are being applied, by id; the events that they cause get the same ones. ``audience`` is set while a
    source republishes; it names the recipient.
    """

    def __init__(
        self, connection: Any, *, service: str, partitions: Mapping[Lane, int], consumer: str | None = None
    ) -> None:
        self.connection = connection
        self.service = service
        self.partitions = partitions
        self.consumer = consumer
        self.audience: str | None = None
        self.wrote: dict[Lane, bool] = {}
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
        """A block that may fail: when it raises, rows, published events and notes are as they were before it."""
        outgoing = {lane: list(rows) for lane, rows in self._outgoing.items()}
        notes = {note: copy(value) for note, value in self._notes.items()}
        wrote, numbers, after_commit = dict(self.wrote), dict(self._numbers), list(self._after_commit)
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
        """Publish these events with this transaction, in this order.

        In a consumer's batch ``cause`` is the event that is being applied. The new ids are made from the cause's id, so
        that an event that is applied again publishes the same events. If ``cause`` is an id derived from the applied
        event, ``follows`` is the applied event, and the new events get the trace of ``follows``. ``partition`` replaces
        the partition that follows from the key; only the runtime's markers need this. The caller holds the locks of the
        rows that the events are about. Raises ``EventTooLarge`` if the log could not take an event. Raises
        ``ValueError`` if the event of a consumer has no cause.
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
        """Publish an event on a lane that is not its own; the runtime's markers travel on all lanes."""
        key, trace = event.key, self._trace_of(follows or cause)
        event_id, body = self._event_id(type(event).type, key, cause), event.body()
        # A character has at most four bytes.
        if 4 * len(body) + 8 * len(key) > MAX_EVENT_BYTES:
            _check_size(type(event).type, key, body)
        row = (event_id, type(event).type, key, partition, body, event.topic, trace)
        self._outgoing.setdefault(lane, []).append(row)

    def wrote_outbox(self, lane: Lane, *, in_hurry: bool = True) -> None:
        """Note that a statement of this transaction inserted into the lane's outbox, so that the relay is woken.

        Rows that are in no hurry may wait for ``PACE_SECONDS``. The relay sends them together with the next row that is
        in a hurry.
        """
        self.wrote[lane] = self.wrote.get(lane, False) or in_hurry

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the transaction has committed; the callback must neither fail nor wait."""
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
        """Write the published events to the outbox; ``Database.transaction`` calls this before the commit."""
        for lane, rows in self._outgoing.items():
            write = _WRITE.format(lane=lane, topic=", topic" if lane is Lane.AGENCIES else "")
            await self.execute(write, *zip(*rows, strict=True), current_traceparent(), self.audience)
            self.wrote_outbox(lane)
        self._outgoing.clear()

    def committed(self) -> None:
        """Run the callbacks of ``after_commit``; ``Database.transaction`` calls this after the commit."""
        for callback in self._after_commit:
            callback()


def _check_size(event_type: str, key: str, body: str) -> None:
    size = len(body.encode()) + 2 * len(key.encode())
    if size > MAX_EVENT_BYTES:
        raise EventTooLarge(too_large(event_type, key, size))


def sorted_unique(keys: Iterable[UUID]) -> Sequence[UUID]:
    """The keys without duplicates, in the order in which rows are locked everywhere."""
    # By their numbers, which is the order of UUIDs: Python compares two UUIDs several times as slowly.
    return sorted(set(keys), key=attrgetter("int"))
