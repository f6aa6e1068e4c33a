"""A barrier asks all services: has everything been applied that was acknowledged before now?

A service, the asker, opens a barrier. The barrier is reached when the asker has applied every event that the log had
acknowledged before, and every event that these events caused along chains of services.

Markers travel like events, one on every partition of every topic of a service, in rounds. The request is round 1 of the
asker. When a service has applied the request, it publishes its own round 1. A service publishes round r + 1 when it has
applied round r of every service that it listens to, on all of their partitions. So the events that a service publishes
because of facts before round r lie before its own round r + 1. When the asker has applied the last round of every
service that it listens to, it has also applied all events that the facts caused along chains of that many services.
Markers are counted in the database, so a barrier works with any number of group members and without a clock.

One barrier is open per asker. Callers that ask meanwhile share the next barrier, which opens when the open one ends.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from recobro_events._consumer import Consumer, lanes_read
from recobro_events._database.database import Database
from recobro_events._database.transaction import Transaction
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events.contracts.base import Lane
from recobro_events.contracts.runtime import BarrierReached, BarrierRequested, Marker

__all__ = ["REACHED_AT", "TIMEOUT", "Progress", "State", "ask", "ask_if_idle", "progress"]

TIMEOUT = timedelta(minutes=15)
"""A barrier fails after this time, and its markers are no longer answered."""

State = Literal["waiting", "open", "reached", "failed"]

_BARRIERS = "SELECT barrier_id, state, sources, rounds FROM barrier"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('barrier', 0))"
_COUNT = """
INSERT INTO barrier_marker AS known (barrier_id, service, round, lane, markers, asked_by, rounds, seen)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::integer[],
    $8::integer[]) AS marker (barrier_id, service, round, lane, markers, asked_by, rounds, seen)
ORDER BY barrier_id, service, round, lane
ON CONFLICT (barrier_id, service, round, lane) DO UPDATE SET seen = known.seen + excluded.seen
"""
_LATE = "SELECT barrier_id FROM barrier WHERE state = 'open' AND opened_at < clock_timestamp() - $1::interval"
_REBUILDING = "SELECT true FROM rebuild WHERE ended_at IS NULL"
_UNANSWERED = """
SELECT DISTINCT barrier_id, asked_by, rounds FROM barrier_marker
WHERE uuid_extract_timestamp(barrier_id) > now() - $1::interval AND asked_by IS NOT NULL
    AND NOT EXISTS (SELECT FROM rebuild WHERE rebuild.rebuild_id = barrier_marker.barrier_id)
ORDER BY barrier_id
"""
_APPLIED = "SELECT service, round, lane FROM barrier_marker WHERE barrier_id = $1 AND seen >= markers"
_PUBLISHED = "SELECT published FROM barrier_answer WHERE barrier_id = $1"
_PUBLISH = """
INSERT INTO barrier_answer (barrier_id, published) VALUES ($1, $2)
ON CONFLICT (barrier_id) DO UPDATE SET published = excluded.published
"""
# The ids of barriers are UUIDs of version 7, which contain the time of their creation.
_DELETE_OLD = "DELETE FROM {table} WHERE uuid_extract_timestamp(barrier_id) < now() - interval '1 day'"
_END = """
UPDATE barrier SET state = $2, ended_at = clock_timestamp() WHERE barrier_id = $1 AND state = 'open'
RETURNING barrier_id
"""
_PROMOTE = """
UPDATE barrier SET state = 'open', opened_at = clock_timestamp() WHERE state = 'waiting' RETURNING barrier_id, rounds
"""


@dataclass(frozen=True)
class Progress:
    """The state of a barrier; ``waiting_for`` names the services that are furthest behind."""

    state: State
    waiting_for: tuple[str, ...]


async def ask(tx: Transaction, sources: Sequence[str], rounds: int) -> UUID:
    """Open a barrier with this transaction, or share the barrier that opens next. Return the barrier's id.

    ``sources`` are the services that the asker listens to. The barrier also waits for events that facts cause along a
    chain of ``rounds`` services.
    """
    await tx.execute(_LOCK)
    waiting: UUID | None = await tx.fetchval("SELECT barrier_id FROM barrier WHERE state = 'waiting'")
    if waiting is not None:
        return waiting
    busy = await tx.fetchval("SELECT true FROM barrier WHERE state = 'open'")
    barrier_id = new_event_id()
    await tx.execute(
        "INSERT INTO barrier (barrier_id, state, sources, rounds, opened_at)"
        " VALUES ($1, $2, $3, $4, CASE $2 WHEN 'open' THEN clock_timestamp() END)",
        barrier_id,
        "waiting" if busy else "open",
        sorted(sources),
        rounds,
    )
    if not busy:
        await _request(tx, barrier_id, rounds)
    return barrier_id


REACHED_AT = "(SELECT max(opened_at) FROM barrier WHERE state = 'reached')"
"""SQL: when the last barrier that was reached was opened. Everything that was acknowledged before that moment has been
applied here.

Null if none was reached within a day.
"""


async def ask_if_idle(tx: Transaction, sources: Sequence[str]) -> bool:
    """Open a barrier of one round, unless one is open or waits already. Return whether one was opened.

    A service opens such a barrier from time to time to learn how old its knowledge is. Other callers do not share the
    barrier, because it does not wait for the consequences of facts.
    """
    await tx.execute(_LOCK)
    if await tx.fetchval("SELECT true FROM barrier WHERE state IN ('open', 'waiting') LIMIT 1"):
        return False
    await ask(tx, sources, 1)
    return True


async def progress(connection: Any, barrier_id: UUID) -> Progress:
    """The state of this barrier. Raises ``LookupError`` if it does not exist. ``connection`` may be a transaction.

    A barrier that waits for the end of another one names the services that the other one waits for.
    """
    barrier = await connection.fetchrow(f"{_BARRIERS} WHERE barrier_id = $1", barrier_id)
    if barrier is None:
        raise LookupError(f"barrier {barrier_id} does not exist")
    if barrier["state"] == "reached":
        return Progress("reached", ())
    is_open = barrier["state"] != "waiting"
    asked = barrier if is_open else await connection.fetchrow(f"{_BARRIERS} WHERE state = 'open'") or barrier
    lanes = {source: lanes_read(source, listened_to=True) for source in asked["sources"]}
    rounds = await rounds_applied(connection, asked["barrier_id"], lanes)
    furthest_behind = min(rounds.values(), default=asked["rounds"])
    late = [source for source, applied in rounds.items() if applied == furthest_behind < asked["rounds"]]
    return Progress(barrier["state"], tuple(sorted(late)))


async def count(tx: Transaction, consumer: Consumer, markers: Sequence[Marker]) -> bool:
    """Count markers that this batch has applied, and publish the rounds that are now due.

    Return whether a barrier of this service ended. Call this at the very end of the batch: all keys share the rows of
    the counts, and the other events of the batch must lie before the markers.
    """
    await tx.execute(_LOCK)
    await count_seen(tx, markers)
    if await tx.fetchval(_REBUILDING):
        return False
    now = datetime.now(UTC)
    ended = False
    for marker in {m.barrier_id: m for m in markers}.values():
        if now - marker.occurred_at < TIMEOUT:
            ended |= await _publish_due_rounds(tx, consumer, marker.barrier_id, _asked_by(marker), marker.rounds)
    return ended


async def count_seen(tx: Transaction, markers: Sequence[Marker]) -> None:
    """Add these markers to the counts in the database. The caller holds an advisory lock that orders these changes."""
    seen = Counter((m.barrier_id, m.service, m.round, m.via.value, m.markers, _asked_by(m), m.rounds) for m in markers)
    await tx.execute(_COUNT, *zip(*seen, strict=True), list(seen.values()))


def _asked_by(marker: Marker) -> str:
    return marker.asked_by  # type: ignore[attr-defined, no-any-return]  # every kind of marker has this field


async def catch_up(tx: Transaction, consumer: Consumer) -> None:
    """Answer the barriers that were requested while a rebuild was open and have not timed out."""
    await tx.execute(_LOCK)
    for row in await tx.fetch(_UNANSWERED, TIMEOUT):
        await _publish_due_rounds(tx, consumer, row["barrier_id"], row["asked_by"], row["rounds"])


async def expire(database: Database) -> bool:
    """Fail the open barrier if it has taken too long, and open the next; return whether one failed."""
    async with database.connection() as connection:
        if await connection.fetchval(_LATE, TIMEOUT) is None:
            return False
    async with database.transaction() as tx:
        await tx.execute(_LOCK)
        late: UUID | None = await tx.fetchval(_LATE, TIMEOUT)
        if late is None:
            return False
        await _end(tx, late, "failed")
        return True


async def _publish_due_rounds(
    tx: Transaction, consumer: Consumer, barrier_id: UUID, asked_by: str, rounds: int
) -> bool:
    """Publish every round of this service that is due. Return whether this ended a barrier of this service."""
    applied = await rounds_applied(tx, barrier_id, {s: consumer.lanes_of(s) for s in consumer.reads_from})
    applied_of_all = min((applied[source] for source in consumer.listens_to), default=rounds)
    asked = asked_by == tx.service or applied.get(asked_by, 0) >= 1
    before = await tx.fetchval(_PUBLISHED, barrier_id) or 0
    # Round 1 answers the request. Each further round states that the round before has come from every source.
    due = min(applied_of_all + 1, rounds) if asked else before
    for number in range(before + 1, due + 1):
        _publish_round(tx, BarrierReached, barrier_id, number, rounds, asked_by=asked_by)
    if due > before:
        await _record_published(tx, barrier_id, due)
    return asked_by == tx.service and applied_of_all >= rounds and await _end(tx, barrier_id, "reached")


async def rounds_applied(connection: Any, barrier_id: UUID, lanes: Mapping[str, Collection[Lane]]) -> dict[str, int]:
    """How many rounds of each service have been applied on all its ``lanes``, counted up to the first gap."""
    complete = {(row["service"], row["round"], row["lane"]) for row in await connection.fetch(_APPLIED, barrier_id)}
    applied = dict.fromkeys(lanes, 0)
    for service, read in lanes.items():
        while all((service, applied[service] + 1, lane.value) in complete for lane in read):
            applied[service] += 1
    return applied


async def _end(tx: Transaction, barrier_id: UUID, state: State) -> bool:
    if await tx.fetchval(_END, barrier_id, state) is None:
        return False
    following = await tx.fetchrow(_PROMOTE)
    if following is not None:
        await _request(tx, following["barrier_id"], following["rounds"])
    return True


async def _request(tx: Transaction, barrier_id: UUID, rounds: int) -> None:
    _publish_round(tx, BarrierRequested, barrier_id, 1, rounds)
    await _record_published(tx, barrier_id, 1)


async def _record_published(tx: Transaction, barrier_id: UUID, rounds: int) -> None:
    await tx.execute(_PUBLISH, barrier_id, rounds)
    for table in ("barrier_marker", "barrier_answer") if rounds == 1 else ():
        await tx.execute(_DELETE_OLD.format(table=table))


def _publish_round(
    tx: Transaction, kind: type[Marker], barrier_id: UUID, number: int, rounds: int, **fields: str
) -> None:
    cause = caused_event_id(barrier_id, tx.service, "round", str(number), 0)
    for lane, partitions in sorted(tx.partitions.items()):
        marker = kind(
            barrier_id=barrier_id,
            service=tx.service,
            via=lane,
            round=number,
            rounds=rounds,
            markers=partitions,
            **fields,
        )
        for partition in range(partitions):
            tx.publish_on(Lane(lane), marker, cause=cause, partition=partition)
