"""A platform's databases and log without its services, and the command that looks at them."""

import asyncio
import json
import logging
import unittest.mock
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
from recobro.main import app
from recobro.postgres import EmbeddedPostgres
from recobro.targets import variable_of
from recobro_events import OutgoingRecord, Transport, new_event_id
from recobro_events.postgres import PostgresTransport
from recobro_platform import SERVICES
from typer.testing import CliRunner, Result

SUBSET = tuple(service for service in SERVICES if service.name in ("portfolio", "assignment", "promises"))


def invoked(arguments: Sequence[str], environment: Mapping[str, str | None] | None = None) -> Result:
    """The command as it ran in this process."""
    # Where services were tested in this process their logs would go to what the command says.
    with unittest.mock.patch.object(logging.getLogger(), "handlers", []):
        ran = CliRunner().invoke(app, arguments, env=environment)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran


class Operated:
    """Databases of some services and an embedded log, all of its own; ``environment`` names them."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.prefix = f"ops_{uuid.uuid4().hex[:12]}"
        self.server = server
        self.environment = {variable_of(one): self.dsn(one.name) for one in SUBSET}
        self.environment |= {"RECOBRO_LOG_URL": self.dsn("log"), "COLUMNS": "80"}

    def dsn(self, name: str) -> str:
        return self.server.dsn(f"{self.prefix}_{name.replace('-', '_')}")

    async def create(self, like: "Operated | None" = None) -> None:
        """Empty, or as another is, to which nobody may be connected."""
        admin = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            for name in _names():
                template = f" TEMPLATE {like.prefix}_{name}" if like else ""
                await admin.execute(f"CREATE DATABASE {self.prefix}_{name}{template}")
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
        """The exit code and all that is said; the variables are added, or taken away where they are null."""
        ran = await self._invoke(arguments, environment)
        return ran.exit_code, ran.output

    async def json(self, *arguments: str, **environment: str | None) -> Any:
        """What a script reads."""
        return json.loads((await self._invoke([*arguments, "--json"], environment)).stdout)

    async def _invoke(self, arguments: Sequence[str], environment: Mapping[str, str | None]) -> Result:
        return await asyncio.to_thread(invoked, arguments, {**self.environment, **environment})

    async def says(self, service: str, *, seconds_ago: float = 0.0, times: int = 1) -> None:
        """Put events into its outbox."""
        await self.sql(
            service,
            "INSERT INTO outbox_events (event_id, type, key, body, occurred_at)"
            " SELECT uuidv7(), 'test.v1', 'k', '{}', clock_timestamp() - make_interval(secs => $1)"
            " FROM generate_series(1, $2::integer)",
            seconds_ago,
            times,
        )

    async def reads(self, consumer: str, topic: str, offsets: Iterable[int]) -> None:
        """Note how far a consumer is in each partition of a topic."""
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
    """Records that nobody could read, in one partition."""
    producer = await transport.producer(linger_ms=0)
    headers = {"ce_id": str(new_event_id()), "ce_time": datetime.now(UTC).isoformat()}
    await producer.send([OutgoingRecord(topic, "k", b"{}", headers, partition)] * records)
    await producer.close()


def _names() -> list[str]:
    return [*(service.package for service in SUBSET), "log"]
