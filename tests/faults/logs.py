"""The event log, for the rig: its end, all of its records, and appending without a producer of the platform."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from recobro_events._log.postgres_schema import APPEND

Place = tuple[str, int]
Headers = dict[str, str]
_READ_SECONDS = 60


class LogRecord(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: str
    headers: Headers
    value: bytes

    @property
    def event_id(self) -> str:
        return self.headers.get("ce_id", "")


class Log(Protocol):
    async def ends(self) -> dict[Place, int]:
        """Return the next offset of every partition."""

    async def records(self) -> list[LogRecord]:
        """Return all records, each partition's in their order."""

    async def append(self, records: Sequence[LogRecord]) -> None:
        """Append these records to the ends of their partitions, in this order. Their offsets are ignored."""


class EmbeddedLog:
    """The embedded log, in PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self._dsn, timeout=10, command_timeout=_READ_SECONDS)
        try:
            yield connection
        finally:
            await connection.close(timeout=10)

    async def ends(self) -> dict[Place, int]:
        async with self._connection() as connection:
            rows = await connection.fetch(
                "SELECT name, partition, next_offset FROM partition JOIN topic USING (topic_id)"
            )
        return {(row["name"], row["partition"]): row["next_offset"] for row in rows}

    async def records(self) -> list[LogRecord]:
        async with self._connection() as connection:
            rows = await connection.fetch(
                'SELECT name, partition, "offset", key, headers, value FROM record JOIN topic USING (topic_id)'
                ' ORDER BY topic_id, partition, "offset"'
            )
        return [
            LogRecord(
                row["name"], row["partition"], row["offset"], row["key"], json.loads(row["headers"]), row["value"]
            )
            for row in rows
        ]

    async def append(self, records: Sequence[LogRecord]) -> None:
        async with self._connection() as connection:
            for some in _in_chunks(records):
                await connection.execute(
                    APPEND,
                    [record.topic for record in some],
                    [record.partition for record in some],
                    [record.key for record in some],
                    [record.value for record in some],
                    [json.dumps(record.headers) for record in some],
                    [record.headers.get("ce_type", "") for record in some],
                )


class KafkaLog:
    """The topics of an Apache Kafka that only this platform uses."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    @contextlib.asynccontextmanager
    async def _reader(self) -> AsyncIterator[tuple[Any, list[Any]]]:
        reader = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False, max_poll_records=None)
        await reader.start()
        try:
            yield reader, await self._places()
        finally:
            await reader.stop()

    async def _places(self) -> list[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            topics = await admin.describe_topics([t for t in await admin.list_topics() if not t.startswith("__")])
        finally:
            await admin.close()
        return [KafkaPartition(t["topic"], p["partition"]) for t in topics for p in t["partitions"]]

    async def ends(self) -> dict[Place, int]:
        async with self._reader() as (reader, places):
            ends = await reader.end_offsets(places)
        return {(place.topic, place.partition): ends[place] for place in places}

    async def records(self) -> list[LogRecord]:
        found: list[LogRecord] = []
        async with self._reader() as (reader, places):
            ends = await reader.end_offsets(places)
            waited_for = {place for place in places if ends[place] > 0}
            if waited_for:
                reader.assign(sorted(waited_for))
                await reader.seek_to_beginning()
            while waited_for:
                batch = await reader.getmany(*waited_for, timeout_ms=1000)
                found += [_record(message) for messages in batch.values() for message in messages]
                waited_for = {place for place in waited_for if await reader.position(place) < ends[place]}
        return sorted(found, key=lambda record: record[:3])

    async def append(self, records: Sequence[LogRecord]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True, acks="all")
        await producer.start()
        try:
            for record in records:
                headers = [(name, value.encode()) for name, value in record.headers.items()]
                await producer.send(
                    record.topic, record.value, key=record.key.encode(), partition=record.partition, headers=headers
                )
            await producer.flush()
        finally:
            await producer.stop()


def _record(message: Any) -> LogRecord:
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    key = (message.key or b"").decode(errors="replace")
    return LogRecord(message.topic, message.partition, message.offset, key, headers, message.value or b"")


def _in_chunks(records: Sequence[LogRecord], size: int = 1000) -> Iterator[Sequence[LogRecord]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
