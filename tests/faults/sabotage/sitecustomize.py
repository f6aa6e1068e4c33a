"""Puts one deliberate defect into a service. Python runs this first in every process with this folder on its path.

``RECOBRO_SABOTAGE`` names the defect. The rig has to find each of them.
"""

import asyncio
import os
from datetime import UTC, datetime
from typing import Any


def publish_before_commit() -> None:
    """Send events of the portfolio's API to the log before the commit, and roll back every tenth transaction."""
    import asyncpg
    from recobro_events import Envelope, OutgoingRecord, Runtime, Transaction, headers_of

    transports: dict[str, Any] = {}
    start, flush = Runtime.start, Transaction.flush
    turns = iter(range(1, 1 << 30))

    async def start_and_keep_transport(self: Any) -> None:
        transports[self.service] = self._transport
        await start(self)

    async def flush_before_commit(self: Any) -> None:
        outgoing = {lane: list(rows) for lane, rows in self._outgoing.items()}
        await flush(self)
        if self.service != "portfolio" or self.consumer is not None or not outgoing:
            return
        records = []
        for lane, rows in outgoing.items():
            for event_id, event_type, key, partition, body, _topic, trace in rows:
                envelope = Envelope(
                    event_id=event_id,
                    type=event_type,
                    source=self.service,
                    occurred_at=datetime.now(UTC),
                    key=key,
                    traceparent=trace,
                )
                place = f"{self.service}.{lane}"
                records.append(OutgoingRecord(place, key, body.encode(), headers_of(envelope), partition))
        producer = await transports[self.service].producer(linger_ms=0)
        await producer.send(records)
        await producer.close()
        if next(turns) % 10 == 0:
            raise asyncpg.SerializationError("sabotage")

    Runtime.start = start_and_keep_transport  # type: ignore[method-assign]
    Transaction.flush = flush_before_commit  # type: ignore[method-assign]


def move_position_first() -> None:
    """On the lane `events`, move a batch's position in a separate transaction, some time before the batch's."""
    from recobro_events import Database
    from recobro_events._applying import positions

    move = positions.move
    own = Database(os.environ.get("RECOBRO_DATABASE_URL", ""))

    async def move_at_once(tx: Any, consumer: str, moves: Any, event_ids: Any = ()) -> Any:
        if not consumer.endswith(".events"):
            # Otherwise the list, which this control does not test, would take long to build.
            return await move(tx, consumer, moves, event_ids)
        if own._pool is None:
            await own.open()
        async with own.transaction() as early:
            await move(early, consumer, moves)
        await asyncio.sleep(0.3)
        return await move(tx, consumer, {}, event_ids)

    positions.move = move_at_once


DEFECTS = {"publish-before-commit": publish_before_commit, "move-position-first": move_position_first}
if (defect := os.environ.get("RECOBRO_SABOTAGE")) is not None:
    DEFECTS[defect]()
