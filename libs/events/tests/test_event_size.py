"""An event that no log would take is refused where it is written, with an error that tells nothing of its content."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest
from recobro_events import MAX_EVENT_BYTES, Consumer, Database, EventTooLarge, Transaction, outbox, schema
from recobro_events._applying.batch import apart
from recobro_events.contracts import agency
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.portfolio import PaymentReversed
from recobro_events.testing import apply_records, published, record_of

NewDatabase = Callable[[], Awaitable[Database]]
SECRET = "María Ñandú, calle 7"
# PostgreSQL writes JSON with spaces after colons and commas.
BODY = "json_build_object('contract_id', contract_id, 'detail', $2::text || repeat('ñ', $3 / 2))"
HEAD = outbox.rows(PaymentClaimed, body=BODY, traceparent="NULL")
STATEMENT = f"{HEAD} FROM unnest($1::uuid[]) AS given (contract_id)"


def claim(contract_id: UUID, size: int) -> PaymentClaimed:
    """An event of this size."""
    empty = PaymentClaimed(contract_id=contract_id, detail=SECRET)
    room = size - len(empty.body().encode()) - 2 * len(empty.key)
    return PaymentClaimed(contract_id=contract_id, detail=SECRET + "ñ" * (room // 2) + "n" * (room % 2))


async def sizes(database: Database) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT octet_length(body) + 2 * octet_length(key) AS size FROM outbox_events")
    return [row["size"] for row in rows]


async def test_publish_takes_the_largest_event_and_refuses_a_larger_one(new_database: NewDatabase) -> None:
    database, contract_id = await new_database(), uuid4()
    async with database.transaction() as tx:
        tx.publish(claim(contract_id, MAX_EVENT_BYTES))
    assert await sizes(database) == [MAX_EVENT_BYTES]
    async with database.transaction() as tx:
        with pytest.raises(EventTooLarge) as refused:
            tx.publish(claim(contract_id, MAX_EVENT_BYTES + 1))
    assert str(refused.value) == (
        f"dialer-feed.payment-claimed.v1 of the key {contract_id} has 1000001 bytes, and an event may have 1000000"
    )
    assert len(await sizes(database)) == 1


async def test_a_statement_s_events_are_refused_with_the_same_sentence(new_database: NewDatabase) -> None:
    database, contract_id = await new_database(), uuid4()

    async def write(size: int) -> None:
        async with database.transaction() as tx:
            await tx.execute("CREATE TABLE IF NOT EXISTS row_of_the_service (n integer)")
            await tx.execute(STATEMENT, [contract_id], SECRET, size)

    await write(0)
    [empty] = await sizes(database)
    await write(MAX_EVENT_BYTES - empty)
    assert max(await sizes(database)) in (MAX_EVENT_BYTES, MAX_EVENT_BYTES - 1)
    with pytest.raises(asyncpg.ProgramLimitExceededError) as refused:
        await write(MAX_EVENT_BYTES - empty + 2)
    assert str(refused.value).startswith(f"dialer-feed.payment-claimed.v1 of the key {contract_id} has 100000")
    assert str(refused.value).endswith(" bytes, and an event may have 1000000")
    assert refused.value.constraint_name == "event_size"
    assert (refused.value.detail, refused.value.hint) == (None, None), "PostgreSQL would log it"
    assert len(await sizes(database)) == 2, "the transaction has written nothing"


async def test_a_long_key_counts_twice_because_it_is_also_a_header(new_database: NewDatabase) -> None:
    database = await new_database()
    insert = "INSERT INTO outbox_bulk (type, key, body) VALUES ('a.b.v1', repeat('k', $1), '{}')"
    async with database.connection() as connection:
        await connection.execute(insert, MAX_EVENT_BYTES // 2 - 1)
        with pytest.raises(asyncpg.ProgramLimitExceededError) as refused:
            await connection.execute(insert, MAX_EVENT_BYTES // 2)
    assert len(str(refused.value)) < 300


async def test_the_outbox_of_agencies_has_the_limit_too(new_database: NewDatabase) -> None:
    database = await new_database()
    async with database.connection() as connection:
        await connection.execute(schema.UPGRADE_AGENCIES)
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await connection.execute(
                "INSERT INTO outbox_agencies (type, key, topic, body) VALUES ($1, 'k', 't', repeat('x', $2))",
                agency.ClarificationOpened.type,
                MAX_EVENT_BYTES,
            )


@pytest.mark.parametrize("by_statement", [True, False])
async def test_a_handler_whose_event_is_too_large_has_its_cause_set_aside(
    new_database: NewDatabase, by_statement: bool
) -> None:
    """All other events of the batch are applied, and the consumer goes on."""
    database, consumer = await new_database(), Consumer("notes", listens_to=("portfolio",))
    large, small = uuid4(), uuid4()

    @consumer.on(PaymentReversed)
    async def publish(events: Sequence[PaymentReversed], tx: Transaction) -> None:
        for event in events:
            size = MAX_EVENT_BYTES + 2 if event.contract_id == large else 1000
            if by_statement:
                await tx.execute(STATEMENT, [event.contract_id], SECRET, size)
            else:
                tx.publish(claim(event.contract_id, size), cause=event)

    await apply_records(database, consumer, [record_of(reversal(each)) for each in (large, small)], apart)
    assert [event.contract_id for event in await published(database, PaymentClaimed)] == [small]
    async with database.connection() as connection:
        letters = await connection.fetch("SELECT key, error FROM dead_letters")
    error = "ProgramLimitExceededError (event_size)" if by_statement else "EventTooLarge"
    assert [tuple(letter) for letter in letters] == [(str(large), f"the handler failed: {error}")]


def reversal(contract_id: UUID) -> PaymentReversed:
    return PaymentReversed.model_validate(
        {
            "contract_id": contract_id,
            "version": 1,
            "as_of": "2026-11-22",
            "state": "open",
            "stage": "early",
            "days_past_due": 1,
            "overdue_balance": "1.00",
            "total_balance": "1.00",
            "payment_id": contract_id,
            "amount": "1.00",
            "currency": "MXN",
            "reason": "twice",
        }
    )


async def test_an_upgrade_leaves_large_events_of_an_earlier_release_where_they_are(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(schema.UPGRADE)
    await connection.execute("DROP TRIGGER event_size_1000000 ON outbox_events; DROP TABLE unsent_events")
    insert = "INSERT INTO outbox_events (type, key, body) VALUES ('a.b.v1', 'k', repeat('x', 2000000))"
    await connection.execute(insert)
    await connection.execute(schema.UPGRADE)
    await connection.execute(schema.UPGRADE)
    assert await connection.fetchval("SELECT count(*) FROM outbox_events") == 1
    with pytest.raises(asyncpg.ProgramLimitExceededError):
        await connection.execute(insert)
    assert await connection.fetchval("SELECT count(*) FROM unsent_events") == 0
    await connection.close()
