"""The barrier: "everything that was acknowledged anywhere before I asked has been applied here".

Markers travel like events, one on every partition of every topic of a service. The asker's marker is its round 1; who
has applied it on all its partitions answers with markers of its own, and the asker is through when it has applied
those on all of theirs. They are counted in the database, so it works with any number of group members and no clock.

One barrier is open per asker; who asks meanwhile shares the next one, which opens when the open one ends.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from events.contracts.base import Lane
from events.contracts.runtime import BarrierReached, BarrierRequested, Marker
from events.database import Database, Transaction
from events.ids import new_event_id

TIMEOUT = timedelta(minutes=15)
"""After this a barrier has failed, and a request is not answered any more."""

State = Literal["waiting", "open", "reached", "failed"]

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('barrier', 0))"
_COUNT = """
INSERT INTO barrier_marker AS known (barrier_id, service, round, seen, markers)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::integer[])
    AS marker (barrier_id, service, round, seen, markers)
ORDER BY barrier_id, service, round
ON CONFLICT (barrier_id, service, round) DO UPDATE SET seen = known.seen + excluded.seen
RETURNING barrier_id, service, round, seen, markers
"""
_MISSING = """
SELECT source FROM barrier, unnest(sources) AS source
WHERE barrier_id = $1 AND NOT EXISTS (
    SELECT FROM barrier_marker AS marker
    WHERE marker.barrier_id = $1 AND marker.service = source AND marker.round = 1 AND marker.seen >= marker.markers)
ORDER BY source
"""
_END = """
UPDATE barrier SET state = $2, ended_at = clock_timestamp() WHERE barrier_id = $1 AND state = 'open'
RETURNING barrier_id
"""
_PROMOTE = """
UPDATE barrier SET state = 'open', opened_at = clock_timestamp() WHERE state = 'waiting' RETURNING barrier_id
"""


@dataclass(frozen=True)
class Progress:
    """How a barrier stands; ``waiting_for`` names the services that have not answered on all their partitions."""

    state: State
    waiting_for: tuple[str, ...]


async def ask(tx: Transaction, sources: Sequence[str]) -> UUID:
    """Open a barrier with this transaction, or share the one that opens next; its id."""
    await tx.execute(_LOCK)
    waiting: UUID | None = await tx.fetchval("SELECT barrier_id FROM barrier WHERE state = 'waiting'")
    if waiting is not None:
        return waiting
    busy = await tx.fetchval("SELECT true FROM barrier WHERE state = 'open'")
    barrier_id = new_event_id()
    await tx.execute(
        "INSERT INTO barrier (barrier_id, state, sources, opened_at)"
        " VALUES ($1, $2, $3, CASE $2 WHEN 'open' THEN clock_timestamp() END)",
        barrier_id,
        "waiting" if busy else "open",
        sorted(sources),
    )
    if not busy:
        _publish_markers(tx, BarrierRequested, barrier_id)
    return barrier_id


async def progress(connection: Any, barrier_id: UUID) -> Progress:
    """How it stands; ``connection`` is a transaction or a plain connection. ``LookupError`` when there is none."""
    state = await connection.fetchval("SELECT state FROM barrier WHERE barrier_id = $1", barrier_id)
    if state is None:
        raise LookupError(f"no barrier {barrier_id}")
    missing = [] if state == "reached" else await connection.fetch(_MISSING, barrier_id)
    return Progress(state, tuple(row["source"] for row in missing))


async def count(tx: Transaction, markers: Sequence[Marker]) -> bool:
    """Count markers that this batch has applied, answer requests that are complete; whether a barrier ended.

    Called after the last wave: these rows are shared by every key.
    """
    await tx.execute(_LOCK)
    seen = Counter((m.barrier_id, m.service, m.round, m.markers) for m in markers)
    ids, services, rounds, totals = zip(*seen, strict=True)
    rows = await tx.fetch(_COUNT, ids, services, rounds, list(seen.values()), totals)
    complete = {(row["barrier_id"], row["service"], row["round"]) for row in rows if row["seen"] >= row["markers"]}
    ended = False
    now = datetime.now(UTC)
    for marker in {(m.barrier_id, m.service, m.round): m for m in markers}.values():
        if (marker.barrier_id, marker.service, marker.round) not in complete:
            continue
        if isinstance(marker, BarrierRequested) and now - marker.occurred_at < TIMEOUT:
            _publish_markers(tx, BarrierReached, marker.barrier_id, asked_by=marker.service)
        if isinstance(marker, BarrierReached) and marker.asked_by == tx.service:
            ended |= await _end_if_complete(tx, marker.barrier_id)
    return ended


async def expire(database: Database) -> bool:
    """Fail the open barrier when it has taken too long, and open the next; whether one failed."""
    async with database.transaction() as tx:
        await tx.execute(_LOCK)
        late: UUID | None = await tx.fetchval(
            "SELECT barrier_id FROM barrier WHERE state = 'open' AND opened_at < clock_timestamp() - $1::interval",
            TIMEOUT,
        )
        if late is None:
            return False
        await _end(tx, late, "failed")
        return True


async def _end_if_complete(tx: Transaction, barrier_id: UUID) -> bool:
    if await tx.fetch(_MISSING, barrier_id):
        return False
    return await _end(tx, barrier_id, "reached")


async def _end(tx: Transaction, barrier_id: UUID, state: State) -> bool:
    if await tx.fetchval(_END, barrier_id, state) is None:
        return False
    following: UUID | None = await tx.fetchval(_PROMOTE)
    if following is not None:
        _publish_markers(tx, BarrierRequested, following)
    return True


def _publish_markers(tx: Transaction, kind: type[Marker], barrier_id: UUID, **fields: str) -> None:
    places = [(lane, partition) for lane, n in sorted(tx.partitions.items()) for partition in range(n)]
    marker = kind(barrier_id=barrier_id, service=tx.service, round=1, markers=len(places), **fields)
    for lane, partition in places:
        tx.publish_on(Lane(lane), marker, cause=barrier_id, partition=partition)
