"""A source republishes its present state, for one service that missed events or for all services after a restore.

A service that missed events opens a rebuild and publishes a request to its sources. Each source republishes its state
in chunks, as ordinary events with their present versions, and then a marker on every partition of its topics. New facts
are published meanwhile. The versions decide which event holds, so the asker's final state does not depend on the order
of arrival. The asker answers no barrier until all markers have come, so that no service relies on state that is
missing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from recobro_events import barrier
from recobro_events._consumer import Consumer, lanes_read
from recobro_events._database.database import Database
from recobro_events._database.transaction import Row, Transaction
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events._outbox.setting_aside import Unsent
from recobro_events.contracts.base import EVERYONE, Lane
from recobro_events.contracts.runtime import ContractSetAside, RebuildRequested, StateRepublished

__all__ = ["INCOMPLETE", "WAITING_ROWS", "Progress", "Source", "is_open", "progress", "request"]

WAITING_ROWS = 5_000
"""The next chunk waits while an outbox holds more rows: republished events must not crowd out new ones."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('rebuild', 0))"
_OPEN = "SELECT rebuild_id, sources, requested_at FROM rebuild WHERE ended_at IS NULL"
_END = "UPDATE rebuild SET ended_at = clock_timestamp() WHERE rebuild_id = $1 AND ended_at IS NULL RETURNING rebuild_id"
_RECORD = """
INSERT INTO republication (republication_id, audience) SELECT * FROM unnest($1::uuid[], $2::text[])
ON CONFLICT DO NOTHING
"""
_NEXT = """
SELECT republication_id, audience, progress, barrier_id FROM republication WHERE ended_at IS NULL
ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_ANY = "SELECT EXISTS (SELECT FROM republication WHERE ended_at IS NULL)"
_SAVE_BARRIER = "UPDATE republication SET barrier_id = $2 WHERE republication_id = $1"
_SAVE_PROGRESS = "UPDATE republication SET progress = $2 WHERE republication_id = $1"
_DONE = "UPDATE republication SET ended_at = clock_timestamp() WHERE republication_id = $1"

INCOMPLETE = f"""(EXISTS (SELECT FROM rebuild WHERE ended_at IS NULL)
    OR EXISTS (SELECT FROM republication WHERE audience = '{EVERYONE}' AND ended_at IS NULL))"""
"""SQL: this service is being rebuilt, or was restored and catches up. What it knows may be incomplete."""

Republish = Callable[[Transaction, str], Awaitable[str | None]]
log = structlog.get_logger()


@dataclass(frozen=True)
class Source:
    """How a service republishes its state, and which columns of its tables count versions.

    ``republish(tx, after)`` republishes the next chunk after the point ``after``, which is "" at first. It locks the
    rows that its events are about. It returns the point that it has reached, or None when nothing is left.
    ``tx.audience`` names the recipient. ``versions`` has the columns by table; a restore raises them to a new epoch.
    ``bulk_first``: the service's handlers need the state from bulk events before they apply other facts. There is no
    order between topics. So after a restore the service first reads the bulk lane to its end and then the other lane,
    which comes as near to the original order as possible.
    """

    republish: Republish
    versions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bulk_first: bool = False


@dataclass(frozen=True)
class Progress:
    """The state of a rebuild; ``waiting_for`` names the sources that have not finished republishing."""

    rebuild_id: UUID
    requested_at: datetime
    ended_at: datetime | None
    waiting_for: tuple[str, ...]


async def request(tx: Transaction, consumer: Consumer) -> UUID:
    """Ask all sources of ``consumer`` to republish, and return the rebuild's id.

    If a rebuild is open, return its id.
    """
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
    """Whether this service still waits for its sources to republish; ``connection`` may be a transaction."""
    return await connection.fetchrow(_OPEN) is not None


async def is_catching_up(connection: Any) -> bool:
    """Whether this service was restored and has not yet finished republishing its state to all services."""
    catching_up = "SELECT true FROM republication WHERE audience = $1 AND ended_at IS NULL LIMIT 1"
    return bool(await connection.fetchval(catching_up, EVERYONE))


async def progress(connection: Any, rebuild_id: UUID) -> Progress:
    """The state of this rebuild. Raises ``LookupError`` if it does not exist."""
    row = await connection.fetchrow("SELECT * FROM rebuild WHERE rebuild_id = $1", rebuild_id)
    if row is None:
        raise LookupError(f"rebuild {rebuild_id} does not exist")
    late = () if row["ended_at"] else await _waiting_for(connection, rebuild_id, row["sources"])
    return Progress(rebuild_id, row["requested_at"], row["ended_at"], late)


async def _waiting_for(connection: Any, rebuild_id: UUID, sources: Sequence[str]) -> tuple[str, ...]:
    lanes = {source: lanes_read(source, listened_to=True) for source in sources}
    rounds = await barrier.rounds_applied(connection, rebuild_id, lanes)
    return tuple(sorted(source for source, applied in rounds.items() if applied == 0))


async def record(tx: Transaction, consumer: Consumer, requests: Sequence[RebuildRequested]) -> None:
    """Store the requests that name this service as a source; ``republish_next`` carries them out."""
    asked = [(r.rebuild_id, r.service) for r in requests if consumer.service in r.sources]
    if asked:
        await tx.execute(_RECORD, *zip(*asked, strict=True))


async def count(tx: Transaction, consumer: Consumer, markers: Sequence[StateRepublished]) -> None:
    """Count markers that this batch has applied. The last one ends the rebuild, and barriers are answered again."""
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


async def republish_next(database: Database, consumer: Consumer | None, source: Source | None) -> bool:
    """Publish one chunk of the oldest open republication; return whether there was anything to do.

    Nothing is published while an outbox is full, or while another process publishes a chunk.
    """
    async with database.connection() as connection:
        if not await connection.fetchval(_ANY):
            return False
    async with database.transaction(bulk=True) as tx:
        if await _is_full(tx):
            return False
        row = await tx.fetchrow(_NEXT)
        if row is None or not await _has_caught_up(tx, consumer, row):
            return False
        tx.audience = row["audience"]
        if row["progress"] == "":
            await _republish_set_aside(tx)
        after = await source.republish(tx, row["progress"]) if source is not None else None
        if after is not None:
            await tx.execute(_SAVE_PROGRESS, row["republication_id"], after)
        else:
            if row["audience"] != EVERYONE:
                _mark(tx, row["republication_id"], row["audience"])
            await tx.execute(_DONE, row["republication_id"])
    return True


async def _has_caught_up(tx: Transaction, consumer: Consumer | None, row: Row) -> bool:
    """Whether this service may republish now. After a restore it must first read again the events that it had lost.

    When it applies those events again, its own events have the same ids as before, and the other services do not apply
    them again. If the service republished before that, the other services would take its older state for newer, and
    nothing would correct them.
    """
    if row["audience"] != EVERYONE or consumer is None:
        return True
    state = None
    if row["barrier_id"] is not None:
        state = (await barrier.progress(tx, row["barrier_id"])).state
    if state in (None, "failed"):
        await tx.execute(_SAVE_BARRIER, row["republication_id"], await barrier.ask(tx, consumer.listens_to, rounds=1))
    return state == "reached"


async def _republish_set_aside(tx: Transaction) -> None:
    rows = await tx.fetch("SELECT contract_id, consumer FROM parked_keys WHERE contract_id IS NOT NULL ORDER BY key")
    tx.publish(*(ContractSetAside(service=tx.service, **row) for row in rows))
    for lane in sorted(tx.partitions):
        await Unsent(tx.service, Lane(lane), None).state_again(tx)


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
