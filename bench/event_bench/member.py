"""One measured process of ours, which runs until SIGTERM: ``python -m event_bench.member ROLE SPEC``."""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
import uvloop
from recobro_events import (
    Database,
    GroupMember,
    Lane,
    Listener,
    Record,
    Runtime,
    Subscription,
    TopicPartition,
    Transport,
)

from event_bench import bare, rows
from event_bench.openloop import follow_orders
from event_bench.reporting import Tally, report
from event_bench.servers import Servers
from event_bench.workload import LIVE, READERS, Answers, Paid, reader

Role = Callable[[Servers, dict[str, Any], asyncio.Event], Awaitable[None]]


class _Watched(Subscription):
    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        await super().assigned(partitions)
        report(assigned=len(partitions))


async def subscription(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Run one lane of the reader, and leave its answers in the outbox. With ``gated``, a line of input starts it."""
    database, transport = Database(servers.reader), servers.transport(spec["log"])
    await database.open()
    await transport.open()
    database.service, database.partitions = READERS[spec["log"]], {Lane.EVENTS: 12}
    tally = Tally()
    consumer = reader(spec["log"], spec["source"], lambda count, _: tally.add(count), Answers(spec["answers"]))
    if spec["gated"]:
        transport, go = gated(transport)
    reading = _Watched(consumer, Lane.EVENTS, database, transport)
    running = asyncio.create_task(reading.run())
    if spec["gated"]:
        while len(reading.progress) != spec["share"] and not stop.is_set():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)
        report(ready=True)
        await asyncio.to_thread(sys.stdin.readline)
        report(assigned=len(reading.progress))
        go.set()
    await asyncio.wait({running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await reading.stop()
    await running


async def service(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Run the reader like a service's process: both lanes, and the relays of its answers."""
    database, tally = Database(servers.reader), Tally()
    consumer = reader(spec["log"], LIVE, tally.add, Answers.BY_STATEMENT)
    await database.open()
    runtime = Runtime(READERS[spec["log"]], database, servers.transport(spec["log"]), consumer)
    await runtime.start()
    while len(runtime.subscriptions) < 2 or not all(  # noqa: ASYNC110 - there is no event to wait for
        reading.progress for reading in runtime.subscriptions
    ):
        await asyncio.sleep(0.02)
    report(ready=True)
    await stop.wait()
    await runtime.stop()
    await database.close()


async def publisher(servers: Servers, spec: dict[str, Any], stop: asyncio.Event) -> None:
    """Run a service that publishes: its relays, and payments at the ordered rate."""
    database = Database(servers.publisher, max_connections=20)
    await database.open()
    runtime = Runtime(LIVE, database, servers.transport(spec["log"]), None)
    await runtime.start()
    staged = spec["payments"]

    async def pay(n: int) -> None:
        async with database.transaction() as tx:
            row = await tx.fetchrow(f"{rows.ROWS} RETURNING *", n % staged, n % staged + 1, n)
            assert row is not None
            tx.publish(Paid.model_validate({**row, "reference": str(n)}))

    report(ready=True)
    await follow_orders(pay, stop, stamp_before=False)
    await runtime.stop()
    await database.close()


def gated(transport: Transport) -> tuple[Transport, asyncio.Event]:
    """Return the transport and an event. The transport's members read nothing until the event is set."""
    go, join = asyncio.Event(), transport.join

    async def gated_join(group: str, topics: Collection[str], listener: Listener) -> GroupMember:
        member = await join(group, topics, listener)
        poll = member.poll

        async def gated_poll(
            partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
        ) -> list[Record]:
            if go.is_set():
                return await poll(partitions, max_records=max_records, timeout_seconds=timeout_seconds)
            await asyncio.sleep(0.05)
            return []

        member.poll = gated_poll  # type: ignore[method-assign]
        return member

    transport.join = gated_join  # type: ignore[method-assign]
    return transport, go


ROLES: dict[str, Role] = {
    "subscription": subscription,
    "service": service,
    "publisher": publisher,
    "bare_consumer": bare.consumer,
    "floor_writer": bare.floor_writer,
    "floor_reader": bare.floor_reader,
}


async def main(role: str, spec: dict[str, Any]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # These settings are those of a service's process.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    await ROLES[role](Servers(**spec.pop("servers")), spec, stop)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    uvloop.run(main(sys.argv[1], json.loads(sys.argv[2])))
