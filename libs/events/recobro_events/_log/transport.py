"""The log, whatever keeps it: topics of partitions of records in order, written by producers, read by groups."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from recobro_events._errors import TopicPartition


class OutgoingRecord(NamedTuple):
    """A record to be written. ``partition`` null: told from the key, the same key always to the same partition."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
    partition: int | None = None


class Record(NamedTuple):
    """A record as it stands in the log; ``offset`` counts from 0 in its partition, without holes.

    Text in ``headers`` and ``key`` that is not UTF-8 keeps its bytes as Python's surrogate escapes.
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


class Producer(Protocol):
    """Writes records. One caller at a time."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return when every record is durable; records of one partition stand in this order.

        ``TransportError`` when not: then any of them may or may not be there, now or later, and the producer
        must not be used again.
        """

    async def close(self) -> None:
        """Let go of it, within a few seconds."""


class Listener(Protocol):
    """What a member is told about its partitions."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """These are ours from now on; must not fail."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """These are about to be another's: finish or roll back what is under way; must not fail."""


class GroupMember(Protocol):
    """A member of a consumer group. The group spreads partitions; safety against two owners is not its business.

    All but ``seek`` raise ``TransportError``; ``MembershipLost``, one of these, when only joining again can help.
    Within ``settled_seconds`` a member that is alive hears that a partition is another's now.
    """

    settled_seconds: float

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """What these partitions hold now."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read this partition from ``offset`` on; no effect when it is not assigned any more."""

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        """What is there in these partitions, in order per partition; empty when nothing comes in time.

        ``PositionLost`` when the log no longer holds what comes next.
        """

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the log how far we are, for its lag metrics; failing is no harm and is not raised."""

    async def check(self) -> None:
        """Return when the group answers, for a member without partitions."""

    async def leave(self) -> None:
        """Leave the group, within a few seconds; the listener hears nothing any more."""


class Transport(Protocol):
    """A log that can be written and read."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        """Create those that do not exist; the number of partitions of each, which never changes."""

    async def is_written(self, topics: Collection[str]) -> bool:
        """Whether a record was ever written to any of these topics, which exist."""

    async def prune(self, days: int) -> int:
        """Forget records older than this, in small steps, where nobody else does it; how many."""

    async def producer(self, *, linger_ms: int) -> Producer:
        """A producer that may wait ``linger_ms`` to fill its batches."""

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> GroupMember:
        """Join a group that reads these topics; ``listener`` hears of the partitions, from another task."""
