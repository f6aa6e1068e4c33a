"""A log in memory, for unit tests: it serves one process and keeps nothing on disk."""

import asyncio
import contextlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from recobro_events._errors import PositionLost, TopicPartition
from recobro_events._log.pacing import Pace
from recobro_events._log.transport import Bounds, Listener, OutgoingRecord, Record, check

__all__ = ["MemoryTransport"]


class MemoryTransport:
    """A ``Transport`` whose partitions are lists; groups rebalance at once when a member joins or leaves."""

    def __init__(self, partitions: int = 12) -> None:
        self._partitions = partitions
        self.logs: dict[TopicPartition, list[Record]] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._groups: dict[str, list[MemoryMember]] = {}
        self._counts: dict[str, int] = {}
        self.grown = asyncio.Condition()
        self._rebalancing = asyncio.Lock()

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        for topic in topics:
            self._counts.setdefault(topic, self._partitions)
            for partition in range(self._counts[topic]):
                self.logs.setdefault(TopicPartition(topic, partition), [])
        return {topic: self._counts[topic] for topic in topics}

    async def is_written(self, topics: Collection[str]) -> bool:
        return any(self.bounds_of(place).end > 0 for place in self.logs if place.topic in topics)

    async def prune(self, days: int) -> int:  # noqa: ARG002 - a log in memory does not live for days
        return 0

    async def producer(self, *, linger_ms: int) -> "MemoryTransport":  # noqa: ARG002 - there is nothing to fill
        return self

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        check(records, self._counts)
        for topic, key, value, headers, partition in records:
            number = zlib.crc32(key.encode()) % self._counts[topic] if partition is None else partition
            place = TopicPartition(topic, number)
            log = self.logs[place]
            log.append(Record(topic, number, self._starts.get(place, 0) + len(log), value, dict(headers), key))
        async with self.grown:
            self.grown.notify_all()

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> "MemoryMember":
        member = MemoryMember(self, group, sorted(topics), listener)
        async with self._rebalancing:
            self._groups.setdefault(group, []).append(member)
            await self._rebalance(group)
        return member

    async def leave(self, member: "MemoryMember") -> None:
        async with self._rebalancing:
            self._groups[member.group].remove(member)
            await self._rebalance(member.group)

    async def _rebalance(self, group: str) -> None:
        members = self._groups[group]
        shares = {id(member): set[TopicPartition]() for member in members}
        for n, place in enumerate(sorted(self.logs)):
            readers = [member for member in members if place.topic in member.topics]
            if readers:
                shares[id(readers[n % len(readers)])].add(place)
        for member in members:
            await member.give(shares[id(member)])

    def bounds_of(self, place: TopicPartition) -> Bounds:
        start = self._starts.get(place, 0)
        return Bounds(start, start + len(self.logs[place]))

    def drop_before(self, place: TopicPartition, offset: int) -> None:
        """Drop the records before ``offset``, as retention does."""
        del self.logs[place][: offset - self.bounds_of(place).start]
        self._starts[place] = offset

    def read(self, place: TopicPartition, offset: int, most: int) -> list[Record]:
        start = self.bounds_of(place).start
        if offset < start:
            raise PositionLost(f"{place} begins at {start}: record {offset} is gone")
        return self.logs[place][offset - start : offset - start + most]


class MemoryMember:
    """A member of a group on the log in memory."""

    settled_seconds = 0.1

    def __init__(self, transport: MemoryTransport, group: str, topics: Sequence[str], listener: Listener) -> None:
        self.group = group
        self.topics = topics
        self._transport = transport
        self._listener = listener
        self._assigned: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        self._pace = Pace()

    async def give(self, share: set[TopicPartition]) -> None:
        gone, new = self._assigned - share, share - self._assigned
        self._assigned = share
        for place in gone:
            self._next.pop(place, None)
        if gone:
            await self._listener.revoked(gone)
        if new:
            await self._listener.assigned(new)

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        return {place: self._transport.bounds_of(place) for place in partitions}

    def hurry_for(self, types: Collection[str], paced: Collection[str] = ()) -> None:
        """Let records of the types ``paced`` wait; all others come at once."""
        self._pace = Pace(types, paced)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._assigned:
            self._next[partition] = offset

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        return await self._pace.poll(partial(self._poll, partitions), max_records, timeout_seconds)

    async def _poll(
        self, partitions: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> list[Record]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds), self._transport.grown:
                while not (records := self._read(partitions, max_records)):
                    await self._transport.grown.wait()
                return records
        return []

    def _read(self, partitions: Collection[TopicPartition], max_records: int) -> list[Record]:
        records: list[Record] = []
        for place in sorted(partitions):
            if place in self._next:
                found = self._transport.read(place, self._next[place], max_records - len(records))
                self._next[place] += len(found)
                records += found
        return records

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to do: a log in memory has no lag metrics."""

    async def check(self) -> None:
        """Nothing to check: the group always answers."""

    async def leave(self) -> None:
        await self._transport.leave(self)
