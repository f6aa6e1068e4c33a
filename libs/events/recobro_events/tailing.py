"""Reads what is appended to a log from now on, for programs that only watch and keep no position.

A tail reads in a group of its own, without an inbox and a database. It sees only the records that are appended while it
reads. It answers no barrier, and no barrier waits for it.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence

from recobro_events._errors import PositionLost, TopicPartition, TransportError
from recobro_events._log.transport import GroupMember, Record, Transport

_POLL_SECONDS = 0.5
_RECORDS_AT_ONCE = 1000
_RETRY_SECONDS = 1.0


async def tail(
    transport: Transport,
    topics: Collection[str],
    name: str,
    ready: Callable[[], None] = lambda: None,
    away: Callable[[], None] = lambda: None,
    joined: Callable[[GroupMember, Mapping[str, int]], None] = lambda _, __: None,
) -> AsyncGenerator[Sequence[Record], None]:
    """Yield the records that are appended to the topics from now on, in batches, without end.

    ``name`` begins the name of the group that reads; the rest is random. ``ready`` is called once no record can be
    missed any more, and again after each time that records may have been missed. Raises ``TransportError`` if the log
    cannot be reached at first. Later this waits for the log, and calls ``away`` at each failure. ``joined`` gets the
    member that reads, which answers until this ends, and the number of partitions of each topic.
    """
    partitions = _Partitions()
    await transport.open()
    member = None
    try:
        counts = await transport.ensure_topics(topics)
        awaited = sum(counts.values())
        member = await transport.join(f"{name}.{uuid.uuid4()}", topics, partitions)
        joined(member, counts)
        missed = True
        while True:
            try:
                await partitions.wait()
                if partitions.fresh:
                    fresh = frozenset(partitions.fresh)
                    for place, bounds in (await member.bounds(fresh)).items():
                        member.seek(place, bounds.end)
                    partitions.fresh -= fresh
                if missed and not partitions.fresh and len(partitions.ours) == awaited:
                    missed = False
                    ready()
                records = await member.poll(
                    partitions.ours - partitions.fresh, max_records=_RECORDS_AT_ONCE, timeout_seconds=_POLL_SECONDS
                )
            except PositionLost:
                missed = True
                partitions.fresh |= partitions.ours
            except TransportError:
                missed = True
                away()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                if records:
                    yield records
    finally:
        if member is not None:
            await member.leave()
        await transport.close()


class _Partitions:
    """Our partitions, and those among them whose end is not known yet."""

    def __init__(self) -> None:
        self.ours: set[TopicPartition] = set()
        self.fresh: set[TopicPartition] = set()
        self._any = asyncio.Event()

    async def wait(self) -> None:
        await self._any.wait()

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        self.ours |= set(partitions)
        self.fresh |= set(partitions)
        if self.ours:
            self._any.set()

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.ours -= set(partitions)
        self.fresh -= set(partitions)
        if not self.ours:
            self._any.clear()
