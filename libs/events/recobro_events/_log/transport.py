"""The protocols of a log. A topic has partitions, and a partition holds records in order.

Producers append records. The members of a group share the partitions of their topics and read the records.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from recobro_events._errors import RecordRefused, TopicPartition
from recobro_events._limits import MAX_RECORD_BYTES

# At least what Kafka adds to a record and its batch, and to a header.
_OVERHEAD_BYTES = 128
_HEADER_OVERHEAD_BYTES = 10


class OutgoingRecord(NamedTuple):
    """A record to be written. If ``partition`` is None, it follows from the key; a key always has one partition."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
    partition: int | None = None


class Record(NamedTuple):
    """A record in the log; ``offset`` counts from 0 in its partition, without gaps.

    Bytes in ``headers`` and ``key`` that are not UTF-8 are kept as Python's surrogate escapes.
    """

    topic: str
    partition: int
    offset: int
    value: bytes
    headers: Mapping[str, str]
    key: str = ""

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class Bounds(NamedTuple):
    """A partition holds the offsets ``start`` … ``end`` − 1."""

    start: int
    end: int


def check(records: Sequence[OutgoingRecord], partitions: Mapping[str, int]) -> None:
    """Raises ``RecordRefused`` if a record is too large, or is for a partition that its topic does not have.

    ``partitions`` are the numbers of partitions of the topics.
    """
    for topic, key, value, headers, partition in records:
        if partition is not None and not 0 <= partition < partitions[topic]:
            raise RecordRefused(f"{topic} has no partition {partition}, only {partitions[topic]}")
        # A character has at most four bytes, and the key is also a header. The other headers are short.
        if len(value) + 8 * len(key) < MAX_RECORD_BYTES // 2:
            continue
        size = len(value) + len(key.encode()) + _OVERHEAD_BYTES
        size += sum(len(name) + len(text.encode()) + _HEADER_OVERHEAD_BYTES for name, text in headers.items())
        if size > MAX_RECORD_BYTES:
            raise RecordRefused(f"the record has {size} bytes, and the log takes {MAX_RECORD_BYTES}")


class Producer(Protocol):
    """Writes records. One caller at a time."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return when every record is durable; the records of one partition keep this order.

        Raises ``TransportError`` if the log did not acknowledge all of them. Any of them may then be in the log, now or
        later, and the producer must not be used again. Raises ``RecordRefused`` if the log can never take one of them.
        Others may then be in the log, but none of the same partition that comes after that record.
        """

    async def close(self) -> None:
        """Close the producer, within a few seconds."""


class Listener(Protocol):
    """Callbacks by which a group notifies a member of its partitions. No method may fail."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """The group has assigned these partitions to the member."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """The group takes these partitions from the member. Return when the work on them is finished or rolled back."""


class GroupMember(Protocol):
    """A member of a consumer group. The group assigns partitions; it does not protect against two owners.

    All methods but ``seek`` raise ``TransportError``, and its subclass ``MembershipLost`` when only joining again can
    help. A member that is alive learns within ``settled_seconds`` that a partition now belongs to another member.
    """

    settled_seconds: float

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """The bounds of these partitions now."""

    def hurry_for(self, types: Collection[str], paced: Collection[str] = ()) -> None:
        """Only records of these types of events are in a hurry. The member may return others a moment later.

        Records of the types ``paced`` may wait for ``PACE_SECONDS``, to be returned together. A record in a hurry, on
        any partition, ends their wait.
        """

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read this partition from ``offset`` on; no effect when the partition is no longer assigned."""

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        """The next records of these partitions, in order per partition; empty when none comes within the timeout.

        Raises ``PositionLost`` if the log no longer holds the next record.
        """

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the positions to the log for its lag metrics; a failure does no harm and is not raised."""

    async def check(self) -> None:
        """Return when the group answers. A member without partitions learns in this way that its group still works."""

    async def leave(self) -> None:
        """Leave the group, within a few seconds; the group does not call the listener any more."""


class Transport(Protocol):
    """A log that can be written and read. Methods raise ``TransportError`` when the log cannot be reached."""

    async def open(self) -> None:
        """Prepare the log for use; the runtime calls this again after a failure."""

    async def close(self) -> None:
        """Close the transport's own connections; producers and members are closed before."""

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        """Create missing topics; return the number of partitions of each, which never changes."""

    async def is_written(self, topics: Collection[str]) -> bool:
        """Whether a record was ever written to any of these topics, which must exist."""

    async def prune(self, days: int) -> int:
        """Delete records older than ``days`` in small steps; return how many, or 0 if the log itself deletes them."""

    async def producer(self, *, linger_ms: int) -> Producer:
        """A producer that may wait ``linger_ms`` to fill its batches."""

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> GroupMember:
        """Join a group that reads these topics. The group calls ``listener`` from another task."""
