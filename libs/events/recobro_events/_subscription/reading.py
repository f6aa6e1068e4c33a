"""Read records from the log. The next records are read while the records before are being applied."""

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

from recobro_events._applying.batch import handled
from recobro_events._applying.parking import Delivery
from recobro_events._consumer import Consumer
from recobro_events._errors import TopicPartition
from recobro_events._log.transport import GroupMember, Record
from recobro_events._tasks import end


class Read(NamedTuple):
    """The records of a poll, and the deliveries among them that the consumer has to apply."""

    records: Sequence[Record]
    wanted: Sequence[Delivery]

    def wanted_of(self, records: Sequence[Record]) -> Sequence[Delivery]:
        """The deliveries that the consumer has to apply among these ``records``, which are some of those read."""
        if len(records) == len(self.records):
            return self.wanted
        kept = {id(record) for record in records}
        return [delivery for delivery in self.wanted if id(delivery.record) in kept]


class Reading:
    """Reads records for the consumer ``name``, one poll after the other. At most one poll is ahead of the batch."""

    def __init__(self, consumer: Consumer, name: str) -> None:
        self._consumer = consumer
        self._name = name
        self._ahead: asyncio.Task[Read] | None = None

    async def next(
        self, member: GroupMember, places: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> Read:
        """Return the records that were read ahead; if there are none, the records that come within the timeout."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (read := await ahead).records:
            return read
        return await self._read(member, places, max_records, timeout_seconds)

    def read_ahead(self, member: GroupMember, places: Collection[TopicPartition], max_records: int) -> None:
        """Begin to read and decode the next records, while the database works on the records before."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._read(member, places, max_records, 0))

    async def drop_ahead(self) -> bool:
        """Drop the records that were read ahead, because a position changes. Return whether a poll ahead had begun.

        If it had, the caller has to seek again in all partitions that it reads from.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return False
        # The errors of this poll are ignored: the next poll meets them again.
        await end(ahead)
        return True

    async def _read(
        self, member: GroupMember, places: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> Read:
        records = await member.poll(places, max_records=max_records, timeout_seconds=timeout_seconds)
        return Read(records, await handled(self._consumer, self._name, records))
