"""The partitions that a member of a group owns, and how far it has read each."""

import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from recobro_events import _metrics as metrics
from recobro_events._applying.positions import Move, Position
from recobro_events._errors import LogReplaced, TopicPartition
from recobro_events._log.envelope import record_id
from recobro_events._log.transport import Record


class Holding:
    """The partitions of one member of the group ``name``.

    The group assigns partitions. The member claims assigned partitions in the database, and owns and reads those that
    it has claimed. For each owned partition this class knows the position in the database, and how far the member has
    read beyond that position without finding anything to apply. No method waits.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._assigned: set[TopicPartition] = set()
        self._claim_at: dict[TopicPartition, float] = {}
        self._owned: dict[TopicPartition, Position] = {}
        self._passed: dict[TopicPartition, Move] = {}
        # Partitions in which the record before the position has yet to be compared with the id in the position's row.
        self._unproven: set[TopicPartition] = set()

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(self._assigned)

    @property
    def owned(self) -> list[TopicPartition]:
        return list(self._owned)

    @property
    def is_complete(self) -> bool:
        """Whether partitions are assigned, and all of them are owned."""
        return bool(self._owned) and self._owned.keys() == self._assigned

    @property
    def progress(self) -> Mapping[TopicPartition, int]:
        """The next offset of each partition that is owned."""
        return {place: self.next_offset(place) for place in self._owned}

    @property
    def passed(self) -> Mapping[TopicPartition, Move]:
        """The moves over records with nothing to apply. The database does not have these moves yet."""
        return dict(self._passed)

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        self._assigned |= set(partitions)
        self._claim_at.update(dict.fromkeys(partitions, 0.0))

    def unassign(self, partitions: Collection[TopicPartition]) -> None:
        """Stop claiming these partitions. Owned ones stay owned until ``disown``, for the batch under way."""
        self._assigned -= set(partitions)
        for place in partitions:
            self._claim_at.pop(place, None)

    def due(self) -> list[TopicPartition]:
        """The partitions that have to be claimed now."""
        now = time.monotonic()
        return [place for place, at in self._claim_at.items() if at <= now]

    def own(self, place: TopicPartition, position: Position, start: int) -> None:
        """Mark an assigned, claimed partition as owned, at ``position``; the log holds its records from ``start`` on.

        If ``start`` is not below the position, the log's identity cannot be verified.
        """
        assert place in self._assigned
        self._claim_at.pop(place, None)
        self._owned[place] = position
        self._passed.pop(place, None)
        if start < position.next_offset:
            self._unproven.add(place)
        else:
            self._unproven.discard(place)
        metrics.PARTITIONS_OWNED.labels(self._name).set(len(self._owned))

    def disown(self, partitions: Collection[TopicPartition]) -> None:
        for place in partitions:
            if self._owned.pop(place, None) is not None and place not in self._assigned:
                with contextlib.suppress(KeyError):
                    metrics.POSITION_LAG.remove(self._name, place.topic, str(place.partition))
            self._passed.pop(place, None)
        metrics.PARTITIONS_OWNED.labels(self._name).set(len(self._owned))

    def give_up(self, partitions: Collection[TopicPartition], again_after_seconds: float) -> None:
        """Disown these partitions. Those still assigned are due to be claimed after ``again_after_seconds``."""
        self.disown(partitions)
        again_at = time.monotonic() + again_after_seconds
        self._claim_at.update({place: again_at for place in partitions if place in self._assigned})

    def tokens(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, UUID]:
        """The owner's token of each of these partitions that this member owns."""
        return {place: self._owned[place].owner for place in partitions if place in self._owned}

    def next_offset(self, place: TopicPartition) -> int:
        passed = self._passed.get(place)
        return self._owned[place].next_offset if passed is None else passed.to_offset

    def read_from(self, place: TopicPartition) -> int:
        """The offset to read from: the next one, or the one before while the log's identity has to be verified."""
        return self.next_offset(place) - (place in self._unproven)

    def proven(self, records: Sequence[Record]) -> list[Record]:
        """The records of owned partitions, without those before the position.

        The record just before the position verifies the log's identity. Raises ``LogReplaced`` if it is another record.
        """
        kept: list[Record] = []
        for (topic, partition), of_place in groupby(records, key=itemgetter(0, 1)):
            place = TopicPartition(topic, partition)
            if place not in self._owned:
                continue
            start = self.next_offset(place)
            for record in of_place:
                if place in self._unproven and record.offset == start - 1:
                    self._unproven.discard(place)
                    if record_id(record) != self._owned[place].last_record_id:
                        raise LogReplaced(place, record.offset)
                elif record.offset >= start:
                    kept.append(record)
        return kept

    def moves(self, records: Sequence[Record]) -> dict[TopicPartition, Move]:
        """For each partition, the move of its position in the database to behind the last of these ``records``.

        The records are those that ``proven`` returned.
        """
        last = {record[:2]: record for record in records}
        return {
            record.place: Move(self._owned[record.place], record.offset + 1, record_id(record))
            for record in last.values()
        }

    def pass_over(self, moves: Mapping[TopicPartition, Move]) -> None:
        """Note moves over records with nothing to apply; they are saved later, since reading again does no harm."""
        self._passed.update(moves)

    def moved(self, moves: Mapping[TopicPartition, Move]) -> None:
        """Note that these moves have been committed to the database."""
        for place, move in moves.items():
            if place in self._owned:
                self._owned[place] = Position(move.position.owner, move.to_offset, move.last_record_id)
                self._passed.pop(place, None)

    def clear(self) -> None:
        """Unassign and disown all partitions."""
        self.unassign(self.assigned)
        self.disown(self.owned)
