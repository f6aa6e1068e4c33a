# mypy: disable-error-code="import-not-found,misc,untyped-decorator"
"""FastStream as in its documentation: one handler call and one transaction per event, then the offset.

With 12 workers, each worker has its own consumer in the group, so that the order within a partition holds. It commits
offsets once a second. The inbox makes repeated events harmless.
"""

import asyncio
import time
from uuid import UUID

import asyncpg
import uvloop
from event_bench.reporting import Tally
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from peers.effect import CONSUMER, SPEC, Assigned, Payment, apply

WORKERS = SPEC["workers"]
broker = KafkaBroker(SPEC["kafka"], logger=None)
tally = Tally(SPEC["target"], every=50)
confirmed: dict[object, float] = {}


@broker.subscriber(
    SPEC["topic"],
    **CONSUMER,
    listener=Assigned(),
    max_workers=WORKERS,
    ack_policy=AckPolicy.NACK_ON_ERROR if WORKERS == 1 else AckPolicy.MANUAL,
)
async def on_payment(payment: Payment, message: KafkaMessage) -> None:
    async with pool.acquire() as connection:
        await apply(connection, [(UUID(message.headers["ce_id"]), payment)])
    tally.add(1)
    now = time.monotonic()
    if WORKERS > 1 and now - confirmed.setdefault(message.consumer, now) > 1:
        confirmed[message.consumer] = now
        await message.ack()


async def main() -> None:
    global pool
    pool = await asyncpg.create_pool(SPEC["database"], min_size=WORKERS, max_size=WORKERS)
    await broker.start()
    await asyncio.Event().wait()


pool: asyncpg.Pool
uvloop.run(main())
