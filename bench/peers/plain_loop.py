"""aiokafka and asyncpg by hand: all available events in one transaction, then the offsets."""

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer
from event_bench.reporting import Tally
from peers.effect import CONSUMER, SPEC, Assigned, Payment, apply, event_id


async def main() -> None:
    tally = Tally(SPEC["target"])
    connection = await asyncpg.connect(SPEC["database"])
    consumer = AIOKafkaConsumer(bootstrap_servers=SPEC["kafka"], enable_auto_commit=False, **CONSUMER)
    consumer.subscribe([SPEC["topic"]], listener=Assigned())
    await consumer.start()
    while True:
        found = await consumer.getmany(timeout_ms=500, max_records=2_000)
        records = [record for each in found.values() for record in each]
        if records:
            await apply(connection, [(event_id(r.headers), Payment.model_validate_json(r.value)) for r in records])
            tally.add(len(records))
            await consumer.commit()


uvloop.run(main())
