"""The embedded log: topics, partitions and consumer groups in one PostgreSQL database.

A writer locks the rows of its partitions in sorted order, takes offsets under these locks and keeps the locks until it
commits. So a reader that sees an offset also sees all smaller ones.
"""

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recobro_events._errors import TopicPartition, TransportError
from recobro_events._log.envelope import TYPE
from recobro_events._log.postgres_database import LogDatabase
from recobro_events._log.postgres_member import PostgresMember
from recobro_events._log.postgres_schema import APPEND
from recobro_events._log.transport import Listener, OutgoingRecord, check

__all__ = ["PostgresTransport"]

PRUNE_ROWS = 1_000

_ENSURE_TOPIC = "INSERT INTO topic (name, partitions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
_ENSURE_PARTITIONS = """
INSERT INTO partition (topic_id, partition)
SELECT topic_id, generate_series(0, partitions - 1) FROM topic WHERE name = ANY($1) ON CONFLICT DO NOTHING
"""
_IS_WRITTEN = """
SELECT EXISTS (SELECT FROM partition JOIN topic USING (topic_id) WHERE name = ANY($1) AND next_offset > 0)
"""
_PRUNE_TURN = "SELECT pg_try_advisory_lock(hashtextextended('log pruning', 0))"
_PRUNE_TURN_OVER = "SELECT pg_advisory_unlock(hashtextextended('log pruning', 0))"
# A partition that holds only old records is cut behind its last record.
_CUTS = """
SELECT topic_id, partition, cut FROM partition CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT "offset" FROM record
        WHERE record.topic_id = partition.topic_id AND record.partition = partition.partition
            AND written_at >= now() - make_interval(days => $1)
        ORDER BY "offset" LIMIT 1), next_offset) AS cut) AS cuts
WHERE cut > start_offset
"""
_MOVE_START = "UPDATE partition SET start_offset = $3 WHERE topic_id = $1 AND partition = $2 AND start_offset < $3"
_PRUNE = f"""
DELETE FROM record WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM record WHERE topic_id = $1 AND partition = $2 AND "offset" < $3
    ORDER BY "offset" LIMIT {PRUNE_ROWS}))
"""


class PostgresTransport:
    """A ``Transport`` with its log in the database ``dsn``; topics that it creates have ``partitions`` partitions."""

    def __init__(self, dsn: str, partitions: int = 12) -> None:
        self._log = LogDatabase(dsn)
        self._partitions = partitions
        self._counts: dict[str, int] = {}

    async def open(self) -> None:
        await self._log.open()

    async def close(self) -> None:
        await self._log.close()

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        names = sorted(topics)
        async with self._log.connection() as connection, connection.transaction():
            await connection.executemany(_ENSURE_TOPIC, [(name, self._partitions) for name in names])
            await connection.execute(_ENSURE_PARTITIONS, names)
            rows = await connection.fetch("SELECT name, partitions FROM topic WHERE name = ANY($1)", names)
        self._counts.update({row["name"]: row["partitions"] for row in rows})
        return {name: self._counts[name] for name in names}

    async def partitions(self, topic: str) -> int:
        if topic not in self._counts:
            async with self._log.connection() as connection:
                count = await connection.fetchval("SELECT partitions FROM topic WHERE name = $1", topic)
            if count is None:
                raise TransportError(f"the topic {topic} does not exist")
            self._counts[topic] = count
        return self._counts[topic]

    async def is_written(self, topics: Collection[str]) -> bool:
        async with self._log.connection() as connection:
            return await connection.fetchval(_IS_WRITTEN, list(topics))  # type: ignore[no-any-return]

    async def prune(self, days: int) -> int:
        """Delete records older than ``days``, from the start of each partition; return how many.

        Each partition's start moves before its records are deleted, so a late reader gets ``PositionLost``. One process
        prunes at a time; another returns 0.
        """
        async with self._log.connection() as connection:
            if not await connection.fetchval(_PRUNE_TURN):
                return 0
            try:
                return sum([await _cut(connection, *row) for row in await connection.fetch(_CUTS, days)])
            finally:
                await connection.execute(_PRUNE_TURN_OVER)

    async def producer(self, *, linger_ms: int) -> "PostgresProducer":  # noqa: ARG002 - it sends whole batches anyway
        return PostgresProducer(self, self._log)

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> PostgresMember:
        places = [TopicPartition(t, p) for t in sorted(topics) for p in range(await self.partitions(t))]
        member = PostgresMember(self._log, group, places, listener)
        await member.start()
        return member


async def _cut(connection: Any, topic_id: int, partition: int, cut: int) -> int:
    await connection.execute(_MOVE_START, topic_id, partition, cut)
    deleted = 0
    while True:
        step = int((await connection.execute(_PRUNE, topic_id, partition, cut)).rpartition(" ")[2])
        deleted += step
        if step < PRUNE_ROWS:
            return deleted


class PostgresProducer:
    """Writes a batch with one statement, which is one transaction."""

    def __init__(self, transport: PostgresTransport, log: LogDatabase) -> None:
        self._transport = transport
        self._log = log

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        counts = {record.topic: await self._transport.partitions(record.topic) for record in records}
        check(records, counts)
        partitions = [
            zlib.crc32(r.key.encode()) % counts[r.topic] if r.partition is None else r.partition for r in records
        ]
        async with self._log.connection() as connection:
            await connection.execute(
                APPEND,
                [record.topic for record in records],
                partitions,
                [record.key for record in records],
                [record.value for record in records],
                [json.dumps(dict(record.headers)) for record in records],
                [record.headers.get(TYPE, "") for record in records],
            )

    async def close(self) -> None:
        """Nothing to close."""
