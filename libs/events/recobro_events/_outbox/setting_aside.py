"""An event that the log can never take is unsent, and later events of its key wait behind it. All others are sent.

The table ``unsent_events`` holds the events of the key in the order of the outbox. Later events of the key must wait:
if a consumer got them first, and a person has the first event sent after all, the consumer would apply the key's facts
in a wrong order. In the outbox ``ContractSetAside`` takes the place of the first event. So every service knows that its
state of the contract is stale before it reads later records, such as the markers of a barrier.

Only the active relay adds rows and sends them again. Every step on a lane's rows holds an advisory lock.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import asyncpg
import structlog

from recobro_events import _metrics as metrics
from recobro_events._consumer import Consumer
from recobro_events._database.transaction import Transaction
from recobro_events._errors import TooManySetAside, TransportError
from recobro_events._silencing import STATEMENTS, Statement, apply_here, contract_of, hooks, stated
from recobro_events.contracts.base import Lane
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

MOST_KEYS = 20
WITHIN_SECONDS = 300
"""If events of more than ``MOST_KEYS`` keys are refused within ``WITHIN_SECONDS``, the log is at fault."""

IS_PARKED = """(SELECT EXISTS (SELECT FROM unsent_events WHERE lane = '{lane}' AND discarded_at IS NULL))
    AND EXISTS (SELECT FROM unsent_events AS before
        WHERE before.lane = '{lane}' AND before.key = {row}.key AND before.discarded_at IS NULL)"""
"""SQL: whether a row has to wait behind an unsent event of its key. Nearly always no event is unsent."""

_COLUMNS = "event_id, type, key, partition, occurred_at, traceparent, audience, body"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('unsent events ' || $1, 0))"
_TAKE = f"""
WITH taken AS (SELECT * FROM outbox_{{lane}} WHERE id = $1 AND event_id = $2 FOR UPDATE)
INSERT INTO unsent_events (lane, topic, bytes, error, {_COLUMNS})
SELECT '{{lane}}', $3, octet_length(body), $4, {_COLUMNS} FROM taken
RETURNING unsent_id
"""
_STATE = """
UPDATE outbox_{lane} SET event_id = $2, type = $3, body = $4, partition = NULL, audience = NULL,
    occurred_at = clock_timestamp()
WHERE id = $1
"""
_QUEUE = f"""
WITH taken AS (
    DELETE FROM outbox_{{lane}} AS waiting
    WHERE id = ANY($1::bigint[]) AND {IS_PARKED.format(lane="{lane}", row="waiting")}
    RETURNING *
)
INSERT INTO unsent_events (lane, topic, bytes, {_COLUMNS})
SELECT '{{lane}}', {{topic}}, octet_length(body), {_COLUMNS} FROM taken ORDER BY id
"""
_RECENTLY = f"""
SELECT count(DISTINCT key) FROM unsent_events
WHERE lane = $1 AND error IS NOT NULL AND set_aside_at > clock_timestamp() - interval '{WITHIN_SECONDS} seconds'
"""
_DUE = """
SELECT key FROM unsent_events WHERE lane = $1 AND retry_at IS NOT NULL AND discarded_at IS NULL
ORDER BY retry_at, unsent_id LIMIT 1
"""
_OF_KEY = """
SELECT * FROM unsent_events WHERE lane = $1 AND key = $2 AND discarded_at IS NULL ORDER BY unsent_id LIMIT $3
"""
_SENT = "DELETE FROM unsent_events WHERE unsent_id = ANY($1::bigint[])"
_REFUSED = "UPDATE unsent_events SET error = $2, retries = retries + 1 WHERE unsent_id = $1"
_RETRY = """
UPDATE unsent_events SET retry_at = CASE WHEN $3 THEN coalesce(retry_at, clock_timestamp()) END
WHERE lane = $1 AND key = $2 AND discarded_at IS NULL
"""
_LEFT = "SELECT count(*) FROM unsent_events WHERE lane = $1 AND key = $2 AND discarded_at IS NULL"

_FIRST = """
SELECT DISTINCT ON (key) * FROM unsent_events WHERE lane = $1 AND discarded_at IS NULL ORDER BY key, unsent_id
"""
_DISCARD = """
UPDATE unsent_events SET discarded_at = clock_timestamp(), discarded_by = $2, discard_reason = $3, retry_at = NULL
WHERE unsent_id = $1 AND discarded_at IS NULL
RETURNING unsent_id
"""

Query = Callable[..., Awaitable[Any]]
log = structlog.get_logger()


class Unsent:
    """The unsent events of one lane of ``service``. ``consumer`` has the service's own handlers, if it has any."""

    def __init__(self, service: str, lane: Lane, consumer: Consumer | None) -> None:
        self.name = f"{service}.{lane} relay"
        self._service = service
        self._lane = lane
        self._consumer = consumer
        topic = "topic" if lane is Lane.AGENCIES else f"'{service}.{lane}'"
        self._take, self._state = (sql.format(lane=lane) for sql in (_TAKE, _STATE))
        self._queue = _QUEUE.format(lane=lane, topic=topic)

    async def set_aside(self, tx: Transaction, row: asyncpg.Record, why: str) -> None:
        """Make the event of this row of the outbox unsent.

        Raises ``TransportError`` if the log is at fault, not the event. Raises ``TooManySetAside`` if the log has
        refused events of too many keys.
        """
        if row["type"] in STATEMENTS:
            raise TransportError(f"the log refuses even {row['type']}: {why}")
        statements = self._statements(ContractSetAside, row)
        async with hooks(tx, self._consumer, statements):
            await tx.execute(_LOCK, self._lane)
            if await tx.fetchval(_RECENTLY, self._lane) >= MOST_KEYS:
                raise TooManySetAside(
                    f"the log has refused events of more than {MOST_KEYS} keys within {WITHIN_SECONDS // 60} minutes,"
                    f" the last because {why} (event {row['event_id']}, {row['type']})"
                )
            if await tx.fetchval(self._take, row["id"], row["event_id"], row["topic"], why) is None:
                # Another relay has taken over, and has sent the row or set it aside.
                return
            for event in statements:
                await tx.execute(self._state, row["id"], event.event_id, type(event).type, event.body())
            if not statements:
                await tx.execute(f"DELETE FROM outbox_{self._lane} WHERE id = $1", row["id"])
            await apply_here(tx, self._consumer, statements)
        log.error(
            "event_unsent", lane=self._lane.value, event_type=row["type"], event_id=str(row["event_id"]), error=why
        )
        metrics.EVENTS_REFUSED.labels(self._service, self._lane.value).inc()

    async def queue(self, tx: Transaction, ids: Collection[int]) -> None:
        """Move these rows of the outbox behind the unsent events of their keys, if such events still wait."""
        await tx.execute(_LOCK, self._lane)
        await tx.execute(self._queue, list(ids))

    async def settle(
        self, tx: Transaction, sent: Sequence[asyncpg.Record], refused: asyncpg.Record | None, why: str | None
    ) -> None:
        """After a retry, delete the events of a key that were ``sent``; record why the next was ``refused``, if it was.

        If none was refused, the events of the key that still wait are retried too.
        """
        last = sent[-1] if refused is None else refused
        ended = self._statements(ContractReplayed, last)
        async with hooks(tx, self._consumer, ended):
            await tx.execute(_LOCK, self._lane)
            await tx.execute(_SENT, [row["unsent_id"] for row in sent])
            if refused is not None:
                await tx.execute(_REFUSED, refused["unsent_id"], why)
            await tx.execute(_RETRY, self._lane, last["key"], refused is None)
            await self._release(tx, last, ended)

    async def discard(self, tx: Transaction, row: asyncpg.Record, by: str, reason: str) -> int | None:
        """Record that this event is never sent. Return how many of its key still wait; None if it did not wait."""
        ended = self._statements(ContractReplayed, row)
        async with hooks(tx, self._consumer, ended):
            await tx.execute(_LOCK, self._lane)
            if await tx.fetchval(_DISCARD, row["unsent_id"], by, reason) is None:
                return None
            return await self._release(tx, row, ended)

    async def state_again(self, tx: Transaction) -> None:
        """Republish ``ContractSetAside`` for each contract with unsent events, to the audience of ``tx``."""
        for row in await tx.fetch(_FIRST, self._lane):
            for event in self._statements(ContractSetAside, row):
                tx.publish_on(self._lane, event)

    async def _release(
        self, tx: Transaction, row: asyncpg.Record, ended: Sequence[ContractSetAside | ContractReplayed]
    ) -> int:
        """Return how many events of the row's key still wait. If none does, publish the ``ended`` events."""
        left: int = await tx.fetchval(_LEFT, self._lane, row["key"])
        if left == 0:
            for event in ended:
                tx.publish_on(self._lane, event, cause=row["event_id"])
            await apply_here(tx, self._consumer, ended)
        return left

    def _statements(self, event_type: Statement, row: asyncpg.Record) -> Sequence[ContractSetAside | ContractReplayed]:
        """An event of this type about the row's contract, caused by the row's event; empty if it has no contract."""
        contract_id = contract_of(row["type"], row["key"])
        # No service reads what agencies read.
        if contract_id is None or self._lane is Lane.AGENCIES:
            return []
        return [
            stated(
                event_type,
                contract_id,
                source=self._service,
                service=f"{self._service}.{self._lane}",
                consumer=self.name,
                cause=row["event_id"],
            )
        ]


async def due(query: Query, lane: Lane, most_rows: int) -> Sequence[asyncpg.Record]:
    """The first unsent events of the key that has waited longest for its retry; empty if no retry is asked for."""
    key = await query("fetchval", _DUE, lane.value)
    return [] if key is None else await query("fetch", _OF_KEY, lane.value, key, most_rows)
