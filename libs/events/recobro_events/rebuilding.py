"""Saying again what holds: to a service that has missed something, or to everyone after a restore.

A service that asks opens a rebuild and tells its sources. Each source publishes what it knows in chunks, as ordinary
events with their present versions, and then a marker on every partition of its topics. Facts go on flowing meanwhile,
and versions decide, so what the asker ends with does not depend on which came first. Until all markers have come the
asker answers no barrier: nobody builds on what it does not know yet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from recobro_events import barrier
from recobro_events._consumer import Consumer, lanes_heard
from recobro_events._database.database import Database
from recobro_events._database.transaction import Row, Transaction
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events.contracts.base import EVERYONE, Lane
from recobro_events.contracts.runtime import ContractSetAside, RebuildRequested, StateRepublished

__all__ = ["WAITING_ROWS", "Progress", "Source", "is_open", "progress", "request"]

WAITING_ROWS = 5_000
"""With more than this in an outbox the next chunk waits: what is said again never crowds out what happens."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('rebuild', 0))"
_OPEN = "SELECT rebuild_id, sources, requested_at FROM rebuild WHERE ended_at IS NULL"
_END = "UPDATE rebuild SET ended_at = clock_timestamp() WHERE rebuild_id = $1 AND ended_at IS NULL RETURNING rebuild_id"
_TAKE = """
INSERT INTO republication (republication_id, audience) SELECT * FROM unnest($1::uuid[], $2::text[])
ON CONFLICT DO NOTHING
"""
_NEXT = """
SELECT republication_id, audience, progress, barrier_id FROM republication WHERE ended_at IS NULL
ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_ASKED = "UPDATE republication SET barrier_id = $2 WHERE republication_id = $1"
_GO_ON = "UPDATE republication SET progress = $2 WHERE republication_id = $1"
_DONE = "UPDATE republication SET ended_at = clock_timestamp() WHERE republication_id = $1"

Republish = Callable[[Transaction, str], Awaitable[str | None]]
log = structlog.get_logger()


@dataclass(frozen=True)
class Source:
    """What a service can say again, and which columns of its tables count versions.

    ``republish(tx, after)`` publishes the next chunk after that point, "" at first, under the row locks of what it is
    about, and returns how far it has come; null when there was nothing left. Whom it is for says ``tx.audience``.
    ``bulk_first``: what the service makes of a fact depends on what bulk events have told before. Between topics there
    is no order; so what was lost in a restore is read again lane after lane, as near to the first time as can be.
    """

    republish: Republish
    versions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bulk_first: bool = False


@dataclass(frozen=True)
class Progress:
    """How a rebuild stands; ``waiting_for`` names the sources that have not said everything yet."""

    rebuild_id: UUID
    requested_at: datetime
    ended_at: datetime | None
    waiting_for: tuple[str, ...]


async def request(tx: Transaction, consumer: Consumer) -> UUID:
    """Ask everyone that ``consumer`` listens to; the rebuild that is open already, if one is."""
    await tx.execute(_LOCK)
    row = await tx.fetchrow(_OPEN)
    if row is not None:
        return row["rebuild_id"]  # type: ignore[no-any-return]
    rebuild_id = new_event_id()
    sources = tuple(sorted(consumer.listens_to))
    await tx.execute("INSERT INTO rebuild (rebuild_id, sources) VALUES ($1, $2)", rebuild_id, list(sources))
    tx.publish(RebuildRequested(rebuild_id=rebuild_id, service=tx.service, sources=sources))
    return rebuild_id


async def is_open(connection: Any) -> bool:
    """Whether this service still waits for what others say again; ``connection`` may be a transaction."""
    return await connection.fetchrow(_OPEN) is not None


async def is_catching_up(connection: Any) -> bool:
    """Whether this service was restored, and has not yet said to everyone what it knows since."""
    catching_up = "SELECT true FROM republication WHERE audience = $1 AND ended_at IS NULL LIMIT 1"
    return bool(await connection.fetchval(catching_up, EVERYONE))


async def progress(connection: Any, rebuild_id: UUID) -> Progress:
    """How it stands; ``LookupError`` when there is none."""
    row = await connection.fetchrow("SELECT * FROM rebuild WHERE rebuild_id = $1", rebuild_id)
    if row is None:
        raise LookupError(f"no rebuild {rebuild_id}")
    late = () if row["ended_at"] else await _waiting_for(connection, rebuild_id, row["sources"])
    return Progress(rebuild_id, row["requested_at"], row["ended_at"], late)


async def _waiting_for(connection: Any, rebuild_id: UUID, sources: Sequence[str]) -> tuple[str, ...]:
    lanes = {source: lanes_heard(source, listened_to=True) for source in sources}
    rounds = await barrier.rounds_applied(connection, rebuild_id, lanes)
    return tuple(sorted(source for source, applied in rounds.items() if applied == 0))


async def take(tx: Transaction, consumer: Consumer, requests: Sequence[RebuildRequested]) -> None:
    """Note what was asked of this service; ``say_again`` does it."""
    asked = [(r.rebuild_id, r.service) for r in requests if consumer.service in r.sources]
    if asked:
        await tx.execute(_TAKE, *zip(*asked, strict=True))


async def count(tx: Transaction, consumer: Consumer, markers: Sequence[StateRepublished]) -> None:
    """Count markers that this batch has applied; with the last one the rebuild ends and barriers are answered again."""
    ours = [marker for marker in markers if marker.asked_by == consumer.service]
    if not ours:
        return
    await tx.execute(_LOCK)
    await barrier.count_seen(tx, ours)
    row = await tx.fetchrow(_OPEN)
    if row is None or await _waiting_for(tx, row["rebuild_id"], row["sources"]):
        return
    if await tx.fetchval(_END, row["rebuild_id"]) is not None:
        log.info("rebuild_ended", seconds=None)
        await barrier.catch_up(tx, consumer)


async def say_again(database: Database, consumer: Consumer | None, source: Source | None) -> bool:
    """One chunk of the oldest republication that is asked of us; whether there was anything to do.

    Nothing is done while the outbox is full, or while another process is at it.
    """
    async with database.transaction(bulk=True) as tx:
        if await _is_full(tx):
            return False
        row = await tx.fetchrow(_NEXT)
        if row is None or not await _has_caught_up(tx, consumer, row):
            return False
        tx.audience = row["audience"]
        if row["progress"] == "":
            await _say_what_is_set_aside(tx)
        after = await source.republish(tx, row["progress"]) if source is not None else None
        if after is not None:
            await tx.execute(_GO_ON, row["republication_id"], after)
        else:
            if row["audience"] != EVERYONE:
                _mark(tx, row["republication_id"], row["audience"])
            await tx.execute(_DONE, row["republication_id"])
    return True


async def _has_caught_up(tx: Transaction, consumer: Consumer | None, row: Row) -> bool:
    """After a restore what was lost is read again first.

    Others know those events, and would not take from them what they make of the state said before.
    """
    if row["audience"] != EVERYONE or consumer is None:
        return True
    state = None
    if row["barrier_id"] is not None:
        state = (await barrier.progress(tx, row["barrier_id"])).state
    if state in (None, "failed"):
        await tx.execute(_ASKED, row["republication_id"], await barrier.ask(tx, consumer.listens_to, rounds=1))
    return state == "reached"


async def _say_what_is_set_aside(tx: Transaction) -> None:
    rows = await tx.fetch("SELECT contract_id, consumer FROM parked_keys WHERE contract_id IS NOT NULL ORDER BY key")
    tx.publish(*(ContractSetAside(service=tx.service, **row) for row in rows))


async def _is_full(tx: Transaction) -> bool:
    for lane in sorted(tx.partitions):
        waiting = f"SELECT count(*) FROM (SELECT FROM outbox_{lane} LIMIT {WAITING_ROWS} + 1) AS waiting"
        if await tx.fetchval(waiting) > WAITING_ROWS:
            return True
    return False


def _mark(tx: Transaction, rebuild_id: UUID, audience: str) -> None:
    cause = caused_event_id(rebuild_id, tx.service, "republished", audience, 0)
    for lane, partitions in sorted(tx.partitions.items()):
        marker = StateRepublished(
            barrier_id=rebuild_id, service=tx.service, via=lane, round=1, markers=partitions, asked_by=audience
        )
        for partition in range(partitions):
            tx.publish_on(Lane(lane), marker, cause=cause, partition=partition)


async def say_again_for_ever(
    database: Database, consumer: Consumer | None, source: Source | None, pause_seconds: float
) -> None:
    """``say_again`` as soon as it can."""
    while True:
        if not await say_again(database, consumer, source):
            await asyncio.sleep(pause_seconds)
