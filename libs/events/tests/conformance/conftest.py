"""The tests here run on every transport."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import asyncpg
import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from fresh_databases import FreshDatabases
from recobro_events import Database, TopicPartition, Transport
from recobro_events._log.transport import Listener
from recobro_events.kafka import KafkaMember, KafkaTransport
from recobro_events.memory import MemoryTransport
from recobro_events.postgres import PostgresTransport
from toy_services import TABLES, Log, Publisher, Running, Scene

PARTITIONS = 4


@pytest.fixture(params=["memory", "postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    if request.param == "memory":
        yield memory_log()
    elif request.param == "postgres":
        async for log in postgres_log(request.getfixturevalue("databases")):
            yield log
    else:
        async for log in kafka_log(request.getfixturevalue("kafka_bootstrap")):
            yield log


def memory_log() -> Log:
    transport = MemoryTransport(PARTITIONS)

    async def connect() -> Transport:
        return transport

    async def drop_before(place: TopicPartition, offset: int) -> None:
        transport.drop_before(place, offset)

    return Log("memory", connect, drop_before)


async def postgres_log(databases: FreshDatabases) -> AsyncIterator[Log]:
    dsn = await databases.empty()
    opened: list[Transport] = []

    async def connect() -> Transport:
        transport = PostgresTransport(dsn, PARTITIONS)
        await transport.open()
        opened.append(transport)
        return transport

    async def drop_before(place: TopicPartition, offset: int) -> None:
        connection = await asyncpg.connect(dsn)
        of_place = "topic_id = (SELECT topic_id FROM topic WHERE name = $1) AND partition = $2"
        await connection.execute(f'DELETE FROM record WHERE {of_place} AND "offset" < $3', *place, offset)
        await connection.execute(f"UPDATE partition SET start_offset = $3 WHERE {of_place}", *place, offset)
        await connection.close()

    yield Log("postgres", connect, drop_before, dsn)
    for transport in opened:
        await transport.close()
    await databases.drop(dsn)


class WithUniqueGroups(KafkaTransport):
    """Joins groups with unique names: a group that tests share would wait for dead members of another test."""

    prefix: str

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> KafkaMember:
        return await super().join(f"{self.prefix}.{group}", topics, listener)


async def kafka_log(bootstrap: str) -> AsyncIterator[Log]:
    prefix = uuid.uuid4().hex

    async def connect() -> Transport:
        transport = WithUniqueGroups(bootstrap, PARTITIONS)
        transport.prefix = prefix
        return transport

    async def drop_before(place: TopicPartition, offset: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.delete_records({KafkaPartition(*place): RecordsToDelete(before_offset=offset)})
        await admin.close()

    yield Log("kafka", connect, drop_before, bootstrap)


@pytest.fixture
async def scene(log: Log, new_database: Callable[[], Awaitable[Database]]) -> AsyncIterator[Scene]:
    publisher = Publisher()
    publisher_database, subscriber_database = await new_database(), await new_database()
    publisher_database.service = publisher.name
    async with subscriber_database.transaction() as tx:
        await tx.execute(TABLES)
    transport = await log.connect()
    await transport.ensure_topics([publisher.topic(), f"{publisher.name}.bulk"])
    running = Running()
    yield Scene(log, publisher, publisher_database, subscriber_database, transport, running)
    await running.close()
