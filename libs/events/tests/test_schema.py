"""One statement creates the runtime's tables, or upgrades those of any earlier version."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from recobro_events import Database, Lane, caused_event_id, schema
from recobro_events.memory import MemoryTransport
from toy_services import TABLES, Publisher, Running, Subscriber, until

NewDatabase = Callable[[], Awaitable[Database]]
Shape = dict[str, set[tuple[object, ...]]]

EARLIER = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "schemas").glob("*.sql"))}
"""The schemas of earlier versions of the library. Those without an outbox for agencies had no such lane."""

_QUESTIONS = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
        WHERE table_schema = 'public'""",
    "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "settings": """
        SELECT relname, array(SELECT unnest(reloptions) ORDER BY 1)::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "rows": "SELECT epoch, restored_at, pending, log_known FROM epoch",
}


@pytest.fixture
async def connection(database_dsn: str) -> asyncpg.Connection:
    """A connection to an empty database."""
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return connection


async def shape_of(connection: asyncpg.Connection) -> Shape:
    return {name: {tuple(row) for row in await connection.fetch(question)} for name, question in _QUESTIONS.items()}


async def upgrade(connection: asyncpg.Connection) -> None:
    await connection.execute(schema.UPGRADE)
    await connection.execute(schema.UPGRADE_AGENCIES)


async def test_the_upgrade_is_idempotent(connection: asyncpg.Connection) -> None:
    await upgrade(connection)
    once = await shape_of(connection)
    await upgrade(connection)
    assert await shape_of(connection) == once
    await connection.close()


@pytest.mark.parametrize("earlier", EARLIER)
async def test_the_tables_of_an_earlier_version_become_those_of_a_new_database(
    connection: asyncpg.Connection, earlier: str
) -> None:
    await upgrade(connection)
    new = await shape_of(connection)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.execute(EARLIER[earlier])
    await connection.execute("INSERT INTO outbox_events (type, key, body) VALUES ('orders.placed.v1', 'k', '{}')")
    await connection.execute("INSERT INTO inbox (consumer, event_id) VALUES ('publisher.events', uuidv7())")
    await upgrade(connection)
    assert await shape_of(connection) == new
    assert await connection.fetchval("SELECT key FROM outbox_events WHERE audience IS NULL") == "k"
    assert await connection.fetchval("SELECT count(*) FROM inbox") == 1
    cause = uuid4()
    made = await connection.fetchval("SELECT caused_event_id($1, 'c', 't', 'k', 0)", cause)
    assert made == caused_event_id(cause, "c", "t", "k", 0)
    await connection.close()


async def test_processes_may_upgrade_at_once(connection: asyncpg.Connection, database_dsn: str) -> None:
    others = [await asyncpg.connect(database_dsn) for _ in range(4)]
    await asyncio.gather(*(upgrade(other) for other in others))
    assert await connection.fetchval("SELECT count(*) FROM epoch") == 1
    for each in (connection, *others):
        await each.close()


async def test_an_upgrade_does_not_wait_for_transactions_at_work(new_database: NewDatabase) -> None:
    """A transaction holds the locks of a service at work, and the upgrade ends beside it."""
    database = await new_database()
    other = await database.direct_connection()
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO outbox_events (type, key, body) VALUES ('orders.placed.v1', 'k', '{}')")
        await tx.execute("INSERT INTO inbox (consumer, event_id) VALUES ('publisher.events', uuidv7())")
        await tx.fetch("SELECT * FROM epoch, barrier, barrier_marker, dead_letters, rebuild FOR UPDATE OF epoch")
        await other.execute(f"SET lock_timeout = '1s'; {schema.UPGRADE}")
    await other.close()


async def test_a_role_that_may_only_read_and_write_the_tables_runs_a_service(new_database: NewDatabase) -> None:
    """As in the README: the role that upgrades owns the tables, and the role of the service gets these rights."""
    owners = await new_database()
    publisher, clerk = Publisher(), f"clerk_{uuid4().hex}"
    subscriber = Subscriber(publisher, answers=True)
    owner = await owners.direct_connection()
    await owner.execute(TABLES)
    await owner.execute(f"CREATE ROLE {clerk}")
    await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {clerk}")
    await owner.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {clerk}")
    publishing, subscribing = (Database(f"{owners.dsn}?role={clerk}") for _ in range(2))
    transport, running = MemoryTransport(), Running()
    await publishing.open()
    await subscribing.open()
    try:
        async with publishing.transaction() as tx:
            assert await tx.fetchval("SELECT current_user") == clerk
        await transport.open()
        await transport.ensure_topics({publisher.topic(), publisher.topic(Lane.BULK), "subscriber.events"})
        publishing.service = publisher.name
        running.relay(publishing, transport)
        running.subscribe(subscriber, subscribing, transport)
        await publisher.publish(publishing, [(uuid4(), 1)])

        async def applied() -> bool:
            return await subscriber.count(subscribing) == 1

        await until(applied)
    finally:
        await running.close()
        await publishing.close()
        await subscribing.close()
        await owner.execute(f"DROP OWNED BY {clerk}")
        await owner.execute(f"DROP ROLE {clerk}")
        await owner.close()
