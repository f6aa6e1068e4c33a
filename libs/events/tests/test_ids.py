"""Ids, traces, envelopes and waves. SQL makes the same ids as Python."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

import asyncpg
import pytest
from recobro_events import Database, Lane, UnappliableEvent
from recobro_events._applying.waves import cut_into_waves
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events._log.envelope import envelope_of, headers_of
from recobro_events.contracts.dialer_feed import ContactInvalid, PaymentClaimed
from recobro_events.testing import apply_events, published, record_of
from recobro_events.tracing import current_traceparent, follow_trace
from toy_services import Publisher, Subscriber

NewDatabase = Callable[[], Awaitable[Database]]


def test_an_event_without_a_cause_has_a_uuid_7() -> None:
    first, second = new_event_id(), new_event_id()
    assert first.version == 7
    assert first != second


@pytest.mark.parametrize("key", ["k", "llave ñ", str(UUID(int=1))])
async def test_sql_makes_the_same_id_from_a_cause(new_database: NewDatabase, key: str) -> None:
    cause = uuid4()
    database = await new_database()
    async with database.connection() as connection:
        made = await connection.fetchval(
            "SELECT caused_event_id($1, $2, $3, $4, $5)", cause, "dialer-feed.events", "x.y.v1", key, 3
        )
    assert made == caused_event_id(cause, "dialer-feed.events", "x.y.v1", key, 3)
    assert made.version == 8
    assert made != caused_event_id(cause, "dialer-feed.events", "x.y.v1", key, 4)


def test_an_envelope_survives_its_headers() -> None:
    record = record_of(PaymentClaimed(contract_id=uuid4()))
    envelope = envelope_of(record.headers)
    assert headers_of(envelope) == record.headers
    assert all(isinstance(value, str) for value in record.headers.values())
    with pytest.raises(UnappliableEvent):
        envelope_of({**record.headers, "ce_id": "17"})
    with pytest.raises(UnappliableEvent):
        envelope_of({name: value for name, value in record.headers.items() if name != "ce_subject"})


def test_following_a_trace_starts_a_new_span_of_it() -> None:
    started = follow_trace("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert started.split("-")[1] == "a" * 32
    assert started.split("-")[2] != "b" * 16
    assert current_traceparent() == started
    assert follow_trace("not a traceparent").split("-")[1] != "a" * 32


async def test_a_published_event_belongs_to_the_current_trace(new_database: NewDatabase) -> None:
    database = await new_database()
    async with database.transaction() as tx:
        trace = follow_trace(None)
        tx.publish(PaymentClaimed(contract_id=uuid4()))
    [event] = await published(database, PaymentClaimed)
    assert event.envelope.traceparent == trace


def test_waves_keep_the_order_of_every_key_and_have_no_key_twice() -> None:
    one, two = uuid4(), uuid4()
    events = [
        PaymentClaimed(contract_id=one, detail="1"),
        ContactInvalid(contract_id=one, contact_id=one, why="2"),
        PaymentClaimed(contract_id=two, detail="1"),
        PaymentClaimed(contract_id=one, detail="3"),
    ]
    waves = cut_into_waves(events, lambda event: event.key)
    assert waves == [[events[0], events[2]], [events[1]], [events[3]]]


async def test_a_consumer_must_name_the_cause_of_each_event_it_publishes(new_database: NewDatabase) -> None:
    publisher = Publisher()
    subscriber = Subscriber(publisher)

    async def publish(_events: object, tx: object) -> None:
        tx.publish(publisher.Answered(contract_id=uuid4(), number=1))  # type: ignore[attr-defined]

    subscriber.consumer.handlers[publisher.Paid] = publish
    database = await new_database()
    with pytest.raises(UnappliableEvent, match="the handler failed: ValueError"):
        await apply_events(database, subscriber.consumer, publisher.Paid(contract_id=uuid4(), number=1))


async def test_a_transaction_wakes_the_relay_of_its_process(new_database: NewDatabase) -> None:
    database = await new_database()
    woken: list[Mapping[Lane, bool]] = []
    database.on_outbox(woken.append)
    async with database.transaction() as tx:
        tx.publish(PaymentClaimed(contract_id=uuid4()))
    assert woken == [{Lane.EVENTS: True}]


async def test_a_commit_after_a_swallowed_error_raises(new_database: NewDatabase) -> None:
    """PostgreSQL answers its COMMIT with a rollback and without an error."""
    database = await new_database()

    async def commit_after_an_error() -> None:
        async with database.transaction() as tx:
            with contextlib.suppress(asyncpg.PostgresError):
                await tx.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError):
        await commit_after_an_error()
    async with database.transaction() as tx:
        assert await tx.fetchval("SELECT 1") == 1
