"""Events that were set aside: a person looks at them, replays them, or discards them with a reason.

A letter is one such event, as a row of ``dead_letters`` keeps it. The letters of a key are replayed in the order in
which they came. The key is parked until no letter of it waits.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from recobro_events import _metrics as metrics
from recobro_events._applying.batch import call
from recobro_events._applying.parking import Delivery
from recobro_events._backoff import Backoff
from recobro_events._consumer import Consumer
from recobro_events._database.database import Database
from recobro_events._database.transaction import Row, Transaction
from recobro_events._errors import EventsError, UnappliableEvent
from recobro_events._log.transport import Record
from recobro_events._silencing import publish_for_contracts
from recobro_events.contracts.runtime import ContractReplayed
from recobro_events.tracing import follow_trace

__all__ = [
    "LETTERS_AT_ONCE",
    "KeyNotParked",
    "LetterUnknown",
    "Replay",
    "discard",
    "headers_of_letter",
    "letter",
    "letters",
    "parked_keys",
    "replay",
    "replay_all",
]

LETTERS_AT_ONCE = 500
_ATTEMPTS = 3
_PAUSE_SECONDS = (0.02, 0.1)
_REPEATABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_KEYS = {
    turned: f"""
SELECT parked.key, parked.contract_id, parked.consumer, parked.parked_at, first.letter_id, first.type, first.event_id,
    first.error, first.replays, waiting.letters
FROM parked_keys AS parked
JOIN LATERAL (
    SELECT * FROM dead_letters AS letter WHERE letter.key = parked.key AND letter.discarded_at IS NULL
    ORDER BY letter_id LIMIT 1) AS first ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS letters FROM dead_letters AS letter
    WHERE letter.key = parked.key AND letter.discarded_at IS NULL) AS waiting
WHERE $1::text IS NULL OR parked.key {beyond} $1 ORDER BY parked.key {order} LIMIT $2
"""
    for turned, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
}

_LETTERS = {
    turned: f"""
SELECT letter_id, key, consumer, event_id, type, topic, partition, "offset", error, set_aside_at, replays,
    discarded_at, discarded_by, discard_reason
FROM dead_letters
WHERE letter_id {beyond} $1 AND ($2::text IS NULL OR key = $2) AND ($3::boolean OR discarded_at IS NULL)
ORDER BY letter_id {order} LIMIT $4
"""
    for turned, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
}

_WAITING = "SELECT * FROM dead_letters WHERE key = $1 AND discarded_at IS NULL ORDER BY letter_id LIMIT $2"
_LOCK_KEY = "SELECT * FROM parked_keys WHERE key = $1 FOR UPDATE"
_APPLIED = "DELETE FROM dead_letters WHERE letter_id = ANY($1::bigint[])"
_REFUSED = "UPDATE dead_letters SET error = $2, replays = replays + 1 WHERE letter_id = $1"
_DISCARD = """
UPDATE dead_letters SET discarded_at = clock_timestamp(), discarded_by = $2, discard_reason = $3 WHERE letter_id = $1
"""
_RELEASE = "DELETE FROM parked_keys WHERE key = $1"


class LetterUnknown(EventsError):
    """The letter does not exist, or has been applied or discarded."""


class KeyNotParked(EventsError):
    """No event of this key is set aside."""


@dataclass(frozen=True)
class Replay:
    """The result of a replay: how many letters it applied, how many still wait, and why the first of those failed."""

    key: str
    applied: int
    waiting: int
    error: str | None


async def parked_keys(
    connection: Any, after: str | None = None, limit: int = 100, *, turned: bool = False
) -> list[Row]:
    """Parked keys in key order, after the key ``after``.

    Each has its first letter and the number of waiting letters.
    """
    return await connection.fetch(_KEYS[turned], after, limit)  # type: ignore[no-any-return]


async def letters(
    connection: Any,
    *,
    after: int = 0,
    key: str | None = None,
    discarded: bool = False,
    limit: int = 100,
    turned: bool = False,
) -> list[Row]:
    """Letters in the order in which they were set aside, without bodies; ``discarded`` includes discarded letters.

    With ``turned`` the newest letters come first, and the list begins with the letter before ``after``.
    """
    return await connection.fetch(_LETTERS[turned], after, key, discarded, limit)  # type: ignore[no-any-return]


async def letter(connection: Any, letter_id: int) -> Row:
    """One letter, with its record as it came from the log. Raises ``LetterUnknown`` if there is none."""
    row = await connection.fetchrow("SELECT * FROM dead_letters WHERE letter_id = $1", letter_id)
    if row is None:
        raise LetterUnknown(f"letter {letter_id} does not exist")
    return row  # type: ignore[no-any-return]


async def replay(database: Database, consumer: Consumer, key: str) -> Replay:
    """Apply the letters of this key in order, up to the first that fails. Raises ``KeyNotParked`` if there are none.

    Letters that were applied before the failure stay applied. A batch with an event of the key waits meanwhile.
    """
    applied = 0
    while True:
        step = await _repeated(database, consumer, key)
        applied += step.applied
        if step.error is not None or step.waiting == 0:
            return Replay(key, applied, step.waiting, step.error)


async def _repeated(database: Database, consumer: Consumer, key: str) -> Replay:
    backoff = Backoff(*_PAUSE_SECONDS)
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _replay_some(database, consumer, key)
        except _REPEATABLE:
            await backoff.wait()
    return await _replay_some(database, consumer, key)


async def _replay_some(database: Database, consumer: Consumer, key: str) -> Replay:
    async with database.transaction(consumer.service) as tx:
        parked = await _lock(tx, consumer, key)
        waiting = await tx.fetch(_WAITING, key, LETTERS_AT_ONCE)
        applied: list[int] = []
        error = None
        for row in waiting:
            error = await _apply(tx, consumer, row)
            if error is not None:
                await tx.execute(_REFUSED, row["letter_id"], error)
                break
            applied.append(row["letter_id"])
        await tx.execute(_APPLIED, applied)
        left = await _release_when_done(tx, consumer, parked, waiting[-1])
        if consumer.last_hook is not None:
            await consumer.last_hook(tx)
    metrics.EVENTS_REPLAYED.labels(consumer.service).inc(len(applied))
    return Replay(key, len(applied), left, error)


async def discard(database: Database, consumer: Consumer, letter_id: int, *, by: str, reason: str) -> Replay:
    """Record that this letter will never be applied, who decided that and why. Later letters still wait for a replay.

    The result has how many letters of the key still wait. Raises ``LetterUnknown`` if this letter does not wait.
    """
    async with database.connection() as connection:
        row = await letter(connection, letter_id)
    async with database.transaction(consumer.service) as tx:
        try:
            parked = await _lock(tx, consumer, row["key"])
        except KeyNotParked as gone:
            raise LetterUnknown(f"letter {letter_id} is not waiting") from gone
        row = await letter(tx, letter_id)
        if row["discarded_at"] is not None:
            raise LetterUnknown(f"letter {letter_id} is not waiting")
        await tx.execute(_DISCARD, letter_id, by, reason)
        left = await _release_when_done(tx, consumer, parked, row)
        if consumer.last_hook is not None:
            await consumer.last_hook(tx)
    return Replay(row["key"], 0, left, None)


async def _lock(tx: Transaction, consumer: Consumer, key: str) -> Row:
    """Take locks in the order of a batch: the service's own lock, the rows of the waiting events, the parked key."""
    if consumer.first_hook is not None:
        await consumer.first_hook(tx)
    deliveries = [delivery_of(row) for row in await tx.fetch(_WAITING, key, LETTERS_AT_ONCE)]
    about = [event for d in deliveries if (event := d.about(consumer.service, consumer.service)) is not None]
    if about and consumer.lock_hook is not None:
        await consumer.lock_hook(tx, about)
    parked = await tx.fetchrow(_LOCK_KEY, key)
    if parked is None:
        raise KeyNotParked(f"no event of the key {key} is set aside")
    return parked


async def _apply(tx: Transaction, consumer: Consumer, row: Row) -> str | None:
    """Apply one letter as its consumer would have; return why that failed, or None."""
    delivery = delivery_of(row)
    if row["body"] is None:
        return "the event's content has expired: discard the event and rebuild the service"
    if delivery.event is None:
        return delivery.error or "the record cannot be read"
    if type(delivery.event) not in consumer.handlers:
        return "this release has no handler for the event's type"
    # With the same consumer the events that the handler publishes have the ids that they would have had.
    tx.consumer = row["consumer"]
    tx.traces = {delivery.event_id: follow_trace(delivery.event.envelope.traceparent)}
    try:
        async with tx.savepoint():
            await call(consumer, tx, type(delivery.event), [delivery])
    except UnappliableEvent as error:
        return str(error)
    return None


async def _release_when_done(tx: Transaction, consumer: Consumer, parked: Row, last: Row) -> int:
    """Return how many letters of the key still wait. If none does, unpark the key and publish ``ContractReplayed``."""
    key = parked["key"]
    left: int = await tx.fetchval("SELECT count(*) FROM dead_letters WHERE key = $1 AND discarded_at IS NULL", key)
    if left == 0:
        await tx.execute(_RELEASE, key)
        if parked["contract_id"] is not None:
            cause = delivery_of(last).event_id
            tx.consumer = parked["consumer"]
            await publish_for_contracts(
                tx, consumer, ContractReplayed, {parked["contract_id"]: cause}, parked["consumer"]
            )
    return left


def delivery_of(row: Row) -> Delivery:
    """The letter's record, decoded again with the contracts of this release."""
    record = Record(
        row["topic"], row["partition"], row["offset"], row["body"] or b"", headers_of_letter(row), row["key"]
    )
    delivery = Delivery.of(record)
    delivery.decode()
    return delivery


def headers_of_letter(row: Row) -> Mapping[str, str]:
    """The headers of the letter's record; empty when its content has expired."""
    headers: Mapping[str, str] = json.loads(row["headers"] or "{}")
    return headers


async def replay_all(database: Database, consumer: Consumer) -> Sequence[Replay]:
    """Replay every parked key, in key order, and return the result of each."""
    replays: list[Replay] = []
    after = ""
    while True:
        async with database.connection() as connection:
            rows = await parked_keys(connection, after)
        if not rows:
            return replays
        for row in rows:
            try:
                replays.append(await replay(database, consumer, row["key"]))
            except KeyNotParked:
                # Another replay has applied the key's letters meanwhile.
                continue
        after = rows[-1]["key"]
