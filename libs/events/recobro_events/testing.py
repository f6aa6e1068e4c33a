"""For a service's tests: give events to its consumer and read the events that it published, without a log."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import ValidationError

from recobro_events._applying import positions
from recobro_events._applying.batch import Applied, Handle, apart, apply, handled, together
from recobro_events._consumer import Consumer
from recobro_events._database.database import Database
from recobro_events._database.transaction import Row
from recobro_events._ids import new_event_id
from recobro_events._log.envelope import headers_of
from recobro_events._log.transport import Record
from recobro_events.contracts.base import Envelope, Event, Lane

E = TypeVar("E", bound=Event)

__all__ = [
    "Applied",
    "Handle",
    "apart",
    "apply",
    "apply_events",
    "apply_records",
    "handled",
    "published",
    "record_of",
    "together",
]


def record_of(
    event: Event, *, event_id: uuid.UUID | None = None, occurred_at: datetime | None = None, offset: int = 0
) -> Record:
    """The record in which ``event`` would come from the log, with a new id and the present time by default."""
    envelope = Envelope(
        event_id=event_id or new_event_id(),
        type=type(event).type,
        source=type(event).type.split(".", 1)[0],
        occurred_at=occurred_at or datetime.now(UTC),
        key=event.key,
    )
    return Record(f"{envelope.source}.{type(event).lane}", 0, offset, event.body().encode(), headers_of(envelope))


async def apply_records(
    database: Database, consumer: Consumer, records: Sequence[Record], handle: Handle = together
) -> Applied:
    """Apply one batch with the real consumer: first hook, inbox, locks, waves and last hook in one transaction.

    If ``handle`` is ``apart``, an event that cannot be applied is set aside. If ``handle`` is ``together``,
    ``UnappliableEvent`` is raised.
    """
    name = f"{consumer.service}.{Lane.EVENTS}"
    database.service = consumer.service
    database.partitions = database.partitions or {Lane.EVENTS: 12}
    async with database.transaction(name) as tx:
        if consumer.first_hook is not None:
            await consumer.first_hook(tx)
        wanted = await handled(consumer, name, records)
        fresh = await positions.move(tx, name, {}, [delivery.event_id for delivery in wanted])
        return await apply(tx, consumer, name, wanted, fresh, handle)


async def apply_events(database: Database, consumer: Consumer, *events: Event) -> Applied:
    """Apply these events as one batch, as if they had just been published."""
    return await apply_records(database, consumer, [record_of(event) for event in events])


async def published(database: Database, event_type: type[E]) -> list[E]:
    """The events of this type that wait in the outbox, in outbox order, with envelopes.

    SQL may have written these rows, so each is compared with its contract. Raises ``AssertionError`` if a row has a
    field that the contract does not have (at any depth), lacks a field, or has an invalid field, a wrong key or a wrong
    topic.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT * FROM outbox_{event_type.lane} WHERE type = $1 ORDER BY id", event_type.type
        )
    return [_checked(event_type, row) for row in rows]


def _checked(event_type: type[E], row: Row) -> E:
    envelope = Envelope(
        event_id=row["event_id"],
        type=row["type"],
        source=row["type"].split(".", 1)[0],
        occurred_at=row["occurred_at"],
        key=row["key"],
        traceparent=row["traceparent"],
        audience=row["audience"],
    )
    try:
        event = event_type.received(row["body"], envelope)
    except ValidationError as error:
        raise AssertionError(f"the body of {row['type']} does not match its contract: {error}") from error
    if unknown := list(_unknown_fields(json.loads(row["body"]), event.model_dump(mode="json"))):
        raise AssertionError(f"the contract of {row['type']} does not have {', '.join(unknown)}")
    if row["key"] != event.key:
        raise AssertionError(f"{row['type']} has the key {row['key']} in the outbox, {event.key} in its body")
    if row.get("topic") != event.topic:
        raise AssertionError(
            f"{row['type']} has the topic {row.get('topic')} in the outbox, {event.topic} in its contract"
        )
    return event


def _unknown_fields(body: object, known: object, path: str = "") -> Iterator[str]:
    """The paths of the fields of ``body`` that ``known``, the decoded event, does not have."""
    if isinstance(body, dict) and isinstance(known, dict):
        for name, value in body.items():
            if name in known:
                yield from _unknown_fields(value, known[name], f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(body, list) and isinstance(known, list):
        for number, (value, kept) in enumerate(zip(body, known, strict=True)):
            yield from _unknown_fields(value, kept, f"{path}{number}.")
