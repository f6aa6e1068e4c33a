"""One PostgreSQL, one Kafka, and the three databases that all measured programs share."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from recobro import kafka
from recobro.postgres import EmbeddedPostgres, free_port
from recobro_events import Transport
from recobro_events.kafka import KafkaTransport
from recobro_events.postgres import PostgresTransport
from recobro_events.schema import UPGRADE

from event_bench import rows

_JARS = Path(__file__).parents[2] / ".kafka" / "lib"
_FLOOR = "CREATE TABLE floor_log (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)"


@dataclass(frozen=True)
class Servers:
    """The addresses of the three databases and of the broker."""

    publisher: str
    reader: str
    log: str
    kafka: str

    def transport(self, log: str) -> Transport:
        """Return a new transport over the log ``kafka`` or ``embedded``."""
        return KafkaTransport(self.kafka) if log == "kafka" else PostgresTransport(self.log)


@contextlib.contextmanager
def running() -> Iterator[Servers]:
    """Start PostgreSQL with the embedded platform's settings. The broker is at KAFKA_BOOTSTRAP, else started too."""
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="recobro-bench-", ignore_cleanup_errors=True))
        )
        postgres = EmbeddedPostgres(folder / "postgres", free_port())
        stack.callback(postgres.stop)
        postgres.start()
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
        if not bootstrap:
            kafka.fetch(_JARS)
            broker = kafka.LocalKafka(folder / "kafka", free_port(), _JARS)
            stack.callback(broker.stop)
            broker.start()
            bootstrap = broker.bootstrap
        yield Servers(postgres.dsn("publisher"), postgres.dsn("reader"), postgres.dsn("log"), bootstrap)


async def prepare(servers: Servers, payments: int, contracts: int) -> None:
    """Create the databases, and stage ``payments`` payments of ``contracts`` contracts."""
    async with connected(servers.log.rpartition("/")[0] + "/postgres") as admin:
        for name in ("publisher", "reader", "log"):
            await admin.execute(f"CREATE DATABASE {name}")
    async with connected(servers.publisher) as publisher:
        await publisher.execute(UPGRADE + rows.PUBLISHER_TABLES)
        await publisher.execute(rows.STAGE, payments, contracts)
        await publisher.execute("VACUUM ANALYZE staged")
    async with connected(servers.reader) as reader:
        await reader.execute(UPGRADE + rows.READER_TABLES)
    async with connected(servers.log) as log:
        await log.execute(_FLOOR)


async def empty_publisher(servers: Servers) -> None:
    """Delete all payments and all events to publish."""
    async with connected(servers.publisher) as publisher:
        await publisher.execute("TRUNCATE payment, outbox_events, outbox_bulk")
        await publisher.execute("CHECKPOINT")


async def empty_reader(servers: Servers, contracts: int, unread: str = "") -> None:
    """Reset every contract's balance, and forget all applied events and the positions on the topics of ``unread``."""
    async with connected(servers.reader) as reader:
        await reader.execute("TRUNCATE balance, inbox, outbox_events, outbox_bulk")
        await reader.execute("DELETE FROM consumer_position WHERE topic LIKE $1 || '.%'", unread)
        await reader.execute(rows.SEED, contracts)
        await reader.execute("VACUUM ANALYZE balance, inbox")
        await reader.execute("CHECKPOINT")


@contextlib.asynccontextmanager
async def connected(dsn: str) -> Any:
    """Yield a plain connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
