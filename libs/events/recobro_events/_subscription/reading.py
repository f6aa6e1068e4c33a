"""Records as a consumer reads them: the next ones already while those before them are applied."""

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
    """What a poll has found, and what of it the consumer has to look at."""

    records: Sequence[Record]
    wanted: Sequence[Delivery]

    def wanted_of(self, records: Sequence[Record]) -> Sequence[Delivery]:
        """What the consumer has to look at of these ``records``, which are some of those that were found."""
        if len(records) == len(self.records):
            return self.wanted
        kept = {id(record) for record in records}
        return [delivery for delivery in self.wanted if id(delivery.record) in kept]


class Reading:
    """One poll after the other, for the consumer ``name``; at most one of them ahead."""

    def __init__(self, consumer: Consumer, name: str) -> None:
        self._consumer = consumer
        self._name = name
        self._ahead: asyncio.Task[Read] | None = None

    async def next(
        self, member: GroupMember, places: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> Read:
        """What was read ahead, else what comes in time."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (read := await ahead).records:
            return read
        return await self._read(member, places, max_records, timeout_seconds)

    def read_ahead(self, member: GroupMember, places: Collection[TopicPartition], max_records: int) -> None:
        """Read and understand what is there behind what was read last, while the database is at work on that."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._read(member, places, max_records, 0))

    async def forget(self) -> bool:
        """Forget what was read ahead, before a place in the log changes; whether there was something.

        Then all that it was read from is to be sought again.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return False
        # What it met, whoever reads again meets again.
        await end(ahead)
        return True

    async def _read(
        self, member: GroupMember, places: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> Read:
        records = await member.poll(places, max_records=max_records, timeout_seconds=timeout_seconds)
        return Read(records, await handled(self._consumer, self._name, records))
