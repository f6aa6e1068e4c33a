# mypy: disable-error-code="import-not-found,misc,untyped-decorator"
"""FastStream's batch mode. Its handler makes each batch one transaction."""

import asyncio
from uuid import UUID

import asyncpg
import uvloop
from event_bench.reporting import Tally
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from peers.effect import CONSUMER, SPEC, Assigned, Payment, apply

broker = KafkaBroker(SPEC["kafka"], logger=None)
tally = Tally(SPEC["target"])


@broker.subscriber(
    SPEC["topic"],
    **CONSUMER,
    listener=Assigned(),
    batch=True,
    max_records=2_000,
    batch_timeout_ms=100,
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def on_payments(payments: list[Payment], message: KafkaMessage) -> None:
    ids = [UUID(headers["ce_id"]) for headers in message.batch_headers]
    async with pool.acquire() as connection:
        await apply(connection, list(zip(ids, payments, strict=True)))
    tally.add(len(payments))


async def main() -> None:
    global pool
    pool = await asyncpg.create_pool(SPEC["database"], min_size=1, max_size=1)
    await broker.start()
    await asyncio.Event().wait()


pool: asyncpg.Pool
uvloop.run(main())
