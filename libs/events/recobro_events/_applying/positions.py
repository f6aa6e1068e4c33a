"""A consumer's positions in the log: rows of its own database, moved by the transaction that applies the events.

A claim writes a new token into the row of a partition. A member can move a position only while the row holds the
member's token. So two members that both believe that they own a partition do no harm: one of them rolls back. The same
statement inserts the ids of the events into the inbox, so each event is applied once.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from recobro_events._database.database import Database
from recobro_events._database.transaction import Transaction
from recobro_events._errors import OwnershipLost, PositionLost, TopicPartition
from recobro_events._log.transport import Bounds

_CLAIM = """
INSERT INTO consumer_position AS mine (consumer, topic, partition, next_offset, owner)
SELECT $1, topic, partition, 0, $4 FROM unnest($2::text[], $3::integer[]) AS claimed (topic, partition)
ORDER BY topic, partition
ON CONFLICT (consumer, topic, partition) DO UPDATE SET owner = excluded.owner, claimed_at = now()
RETURNING topic, partition, next_offset, last_record_id
"""
_START_OVER = """
UPDATE consumer_position AS position SET next_offset = start.next_offset, last_record_id = NULL
FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS start (topic, partition, next_offset)
WHERE position.consumer = $1 AND position.topic = start.topic AND position.partition = start.partition
    AND position.owner = $5
RETURNING position.topic, position.partition
"""
_HELD = """
SELECT topic, partition, next_offset, last_record_id
FROM consumer_position JOIN unnest($2::text[], $3::integer[], $4::uuid[]) AS mine (topic, partition, owner)
    USING (topic, partition, owner)
WHERE consumer = $1
"""
# The position is moved, then the ids are claimed.
_MOVE = """
WITH moved AS (
    UPDATE consumer_position SET next_offset = $6, last_record_id = $7
    WHERE consumer = $1 AND topic = $2 AND partition = $3 AND owner = $4 AND next_offset = $5
    RETURNING topic, partition
), claimed AS (
    INSERT INTO inbox (consumer, event_id)
    SELECT $1, event_id FROM unnest($8::uuid[]) AS event_id
    WHERE EXISTS (SELECT FROM moved) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT topic, partition, ARRAY(SELECT event_id FROM claimed) AS fresh FROM moved
"""
# Several positions are locked in their order first. Nearly always all ids are new, and no row says that one is known.
_MOVE_SEVERAL = """
WITH moves AS (
    SELECT * FROM unnest($2::text[], $3::integer[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[])
        AS move (topic, partition, owner, from_offset, to_offset, last_record_id)
), locked AS MATERIALIZED (
    SELECT position.topic, position.partition
    FROM consumer_position AS position JOIN moves USING (topic, partition)
    WHERE position.consumer = $1 AND position.owner = moves.owner AND position.next_offset = moves.from_offset
    ORDER BY position.topic, position.partition
    FOR UPDATE OF position
), moved AS (
    UPDATE consumer_position AS position SET next_offset = moves.to_offset, last_record_id = moves.last_record_id
    FROM moves JOIN locked USING (topic, partition)
    WHERE position.consumer = $1 AND position.topic = moves.topic AND position.partition = moves.partition
    RETURNING position.topic, position.partition
), claimed AS (
    INSERT INTO inbox (consumer, event_id)
    SELECT $1, event_id FROM unnest($8::uuid[]) AS event_id
    WHERE (SELECT count(*) FROM moved) = cardinality($2::text[]) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT topic, partition, NULL::uuid AS known FROM moved
UNION ALL
SELECT NULL, NULL, event_id
FROM (SELECT event_id FROM unnest($8::uuid[]) AS event_id EXCEPT SELECT event_id FROM claimed) AS repeated
"""


class Position(NamedTuple):
    """The next offset to apply, the id of the record before it, and the token that owns the row."""

    owner: UUID
    next_offset: int
    last_record_id: str | None


class Move(NamedTuple):
    """A move of a position to ``to_offset``; ``last_record_id`` is the id of the record just before ``to_offset``."""

    position: Position
    to_offset: int
    last_record_id: str


async def claim(
    database: Database, consumer: str, places: Collection[TopicPartition], owner: UUID
) -> dict[TopicPartition, Position]:
    """Make ``owner`` the owner of these partitions and return their positions; a new position is 0.

    The last claim wins.
    """
    ordered = sorted(places)
    async with database.transaction() as tx:
        rows = await tx.fetch(_CLAIM, consumer, [p.topic for p in ordered], [p.partition for p in ordered], owner)
    return {
        TopicPartition(row["topic"], row["partition"]): Position(owner, row["next_offset"], row["last_record_id"])
        for row in rows
    }


def check(place: TopicPartition, position: Position, bounds: Bounds) -> None:
    """Raises ``PositionLost`` if the log does not hold the next record. ``bounds`` were read after the claim."""
    if position.next_offset == 0 < bounds.start:
        raise PositionLost(
            f"{place} begins at {bounds.start}; records before that were dropped before this consumer read them"
        )
    if not bounds.start <= position.next_offset <= bounds.end:
        raise PositionLost(
            f"{place} holds {bounds.start} to {bounds.end}, and the next record to apply is {position.next_offset}:"
            " the log was replaced, or dropped records before they were read"
        )


async def start_over(
    database: Database, consumer: str, starts: Mapping[TopicPartition, int], owner: UUID
) -> dict[TopicPartition, Position]:
    """Set these positions to ``starts`` where ``owner`` still owns them; return the positions that were set.

    The member then skips records. A rebuild is open, in which the sources republish the facts of the skipped records.
    """
    places = sorted(starts)
    async with database.transaction() as tx:
        rows = await tx.fetch(
            _START_OVER,
            consumer,
            [p.topic for p in places],
            [p.partition for p in places],
            [starts[place] for place in places],
            owner,
        )
    moved = [TopicPartition(row["topic"], row["partition"]) for row in rows]
    return {place: Position(owner, starts[place], None) for place in moved}


async def held(
    database: Database, consumer: str, tokens: Mapping[TopicPartition, UUID]
) -> dict[TopicPartition, Position]:
    """The positions of those partitions that still belong to the given tokens."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            _HELD, consumer, [p.topic for p in tokens], [p.partition for p in tokens], list(tokens.values())
        )
    places = [(TopicPartition(row["topic"], row["partition"]), row) for row in rows]
    return {place: Position(tokens[place], row["next_offset"], row["last_record_id"]) for place, row in places}


async def move(
    tx: Transaction, consumer: str, moves: Mapping[TopicPartition, Move], event_ids: Collection[UUID] = ()
) -> set[UUID]:
    """Move these positions and claim these events in the inbox. Both hold if and only if the transaction commits.

    Returns the ids of the events that this consumer has not applied before. Raises ``OwnershipLost`` if an owner or
    offset is not as expected.
    """
    if len(moves) == 1:
        [(place, step)] = moves.items()
        expected = (step.position.owner, step.position.next_offset)
        row = await tx.fetchrow(
            _MOVE, consumer, *place, *expected, step.to_offset, step.last_record_id, list(event_ids)
        )
        if row is None:
            raise OwnershipLost([place])
        return set(row["fresh"])
    places = sorted(moves)
    steps = [moves[place] for place in places]
    rows = await tx.fetch(
        _MOVE_SEVERAL,
        consumer,
        [place.topic for place in places],
        [place.partition for place in places],
        [step.position.owner for step in steps],
        [step.position.next_offset for step in steps],
        [step.to_offset for step in steps],
        [step.last_record_id for step in steps],
        list(event_ids),
    )
    moved = {TopicPartition(row["topic"], row["partition"]) for row in rows if row["topic"] is not None}
    if lost := [place for place in places if place not in moved]:
        raise OwnershipLost(lost)
    return set(event_ids) - {row["known"] for row in rows}
