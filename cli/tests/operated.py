"""A platform's databases and log without its services, for tests of the operations commands."""

import asyncio
import json
import logging
import unittest.mock
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
from fresh_databases import copying
from recobro.main import app
from recobro.postgres import EmbeddedPostgres
from recobro.targets import variable_of
from recobro_events import OutgoingRecord, Transport, new_event_id
from recobro_events.postgres import PostgresTransport
from recobro_platform import SERVICES
from typer.testing import CliRunner, Result

SUBSET = tuple(service for service in SERVICES if service.name in ("portfolio", "assignment", "promises"))


def invoked(arguments: Sequence[str], environment: Mapping[str, str | None] | None = None) -> Result:
    """Run the command in this process and return the result."""
    # If earlier tests ran services in this process, their logs would appear in the command's output.
    with unittest.mock.patch.object(logging.getLogger(), "handlers", []):
        result = CliRunner().invoke(app, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


class Operated:
    """Databases of some services and an embedded log of their own. ``environment`` holds their addresses."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.prefix = f"ops_{uuid.uuid4().hex[:12]}"
        self.server = server
        self.environment = {variable_of(one): self.dsn(one.name) for one in SUBSET}
        self.environment |= {"RECOBRO_LOG_URL": self.dsn("log"), "COLUMNS": "80"}

    def dsn(self, name: str) -> str:
        return self.server.dsn(f"{self.prefix}_{name.replace('-', '_')}")

    async def create(self, like: "Operated | None" = None) -> None:
        """Create empty databases, or copies of those of ``like``, to which nobody may be connected."""
        admin = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            for name in _names():
                await admin.execute(copying(f"{like.prefix}_{name}" if like else "template1", f"{self.prefix}_{name}"))
        finally:
            await admin.close()

    async def drop(self) -> None:
        admin = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            for name in _names():
                await admin.execute(f"DROP DATABASE IF EXISTS {self.prefix}_{name} WITH (FORCE)")
        finally:
            await admin.close()

    async def sql(self, name: str, statement: str, *arguments: Any) -> list[Any]:
        connection = await asyncpg.connect(self.dsn(name))
        try:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    async def run(self, *arguments: str, **environment: str | None) -> tuple[int, str]:
        """Return the exit code and all output. The variables are set; those that are None are unset."""
        result = await self._invoke(arguments, environment)
        return result.exit_code, result.output

    async def json(self, *arguments: str, **environment: str | None) -> Any:
        """Return the output of the command with --json."""
        return json.loads((await self._invoke([*arguments, "--json"], environment)).stdout)

    async def _invoke(self, arguments: Sequence[str], environment: Mapping[str, str | None]) -> Result:
        return await asyncio.to_thread(invoked, arguments, {**self.environment, **environment})

    async def fill_outbox(self, service: str, *, seconds_ago: float = 0.0, times: int = 1) -> None:
        """Insert events into the service's outbox."""
        await self.sql(
            service,
            "INSERT INTO outbox_events (event_id, type, key, body, occurred_at)"
            " SELECT uuidv7(), 'test.v1', 'k', '{}', clock_timestamp() - make_interval(secs => $1)"
            " FROM generate_series(1, $2::integer)",
            seconds_ago,
            times,
        )

    async def set_unsent(self, service: str, times: int) -> None:
        """Store events of the service that the log refused."""
        await self.sql(
            service,
            "INSERT INTO unsent_events (lane, event_id, type, key, topic, occurred_at, body, bytes, error)"
            " SELECT 'events', uuidv7(), 'test.v1', 'k', 't', now(), '{}', 2, 'e' FROM generate_series(1, $1::integer)",
            times,
        )

    async def set_positions(self, consumer: str, topic: str, offsets: Iterable[int]) -> None:
        """Store a consumer's position in each partition of a topic."""
        for partition, offset in enumerate(offsets):
            await self.sql(
                consumer.rpartition(".")[0],
                "INSERT INTO consumer_position (consumer, topic, partition, next_offset, owner)"
                " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (consumer, topic, partition)"
                " DO UPDATE SET next_offset = excluded.next_offset",
                *(consumer, topic, partition, offset, uuid.uuid4()),
            )

    async def log(self, partitions: int = 12) -> PostgresTransport:
        transport = PostgresTransport(self.dsn("log"), partitions)
        await transport.open()
        return transport


async def write(transport: Transport, topic: str, records: int, partition: int = 0) -> None:
    """Append records without an event type to one partition."""
    producer = await transport.producer(linger_ms=0)
    headers = {"ce_id": str(new_event_id()), "ce_time": datetime.now(UTC).isoformat()}
    await producer.send([OutgoingRecord(topic, "k", b"{}", headers, partition)] * records)
    await producer.close()


def _names() -> list[str]:
    return [*(service.package for service in SUBSET), "log"]
