"""A relay in its own process, which a test freezes: ``frozen_relay.py DSN SERVICE TRANSPORT ADDRESS GATE``.

It prints ``active`` when it holds the lock, and ``publishing`` before it sends a batch to the log. If ``GATE`` is not
empty, it then waits until a file of that name exists.
"""

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from recobro_events import Database, Lane, Relay, Transport
from recobro_events._log.transport import OutgoingRecord, Producer
from recobro_events.kafka import KafkaTransport
from recobro_events.postgres import PostgresTransport


class GatedProducer:
    """A producer that prints ``publishing`` before it sends, and then waits for the gate."""

    def __init__(self, producer: Producer, gate: str) -> None:
        self._producer = producer
        self._gate = gate

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        print("publishing", flush=True)
        while self._gate and not Path(self._gate).exists():  # noqa: ASYNC110, ASYNC240 - another process creates the file
            await asyncio.sleep(0.02)
        await self._producer.send(records)

    async def close(self) -> None:
        await self._producer.close()


class GatedTransport:
    """The part of a transport that a relay uses."""

    def __init__(self, transport: Transport, gate: str) -> None:
        self._transport = transport
        self._gate = gate

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        return await self._transport.ensure_topics(topics)

    async def producer(self, *, linger_ms: int) -> GatedProducer:
        return GatedProducer(await self._transport.producer(linger_ms=linger_ms), self._gate)


async def main(dsn: str, service: str, kind: str, address: str, gate: str) -> None:
    transport: Transport = KafkaTransport(address, 4) if kind == "kafka" else PostgresTransport(address, 4)
    await transport.open()
    database = Database(dsn)
    database.service = service
    await database.open()
    relay = Relay(Lane.EVENTS, database, GatedTransport(transport, gate), heartbeat_seconds=0.2)  # type: ignore[arg-type]
    running = asyncio.create_task(relay.run())
    while not relay.active:  # noqa: ASYNC110 - a relay has no event for this
        await asyncio.sleep(0.01)
    print("active", flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
