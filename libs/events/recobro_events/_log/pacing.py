"""Some events may wait a moment, so that one transaction applies several of them."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from time import monotonic

from recobro_events._log.envelope import TYPE
from recobro_events._log.transport import Record

PACE_SECONDS = 0.1
"""The longest wait of an event whose type is paced, and of a row of the outbox that is in no hurry."""

Poll = Callable[[int, float], Awaitable[list[Record]]]
"""Reads at most so many records, and waits at most so many seconds for the first."""


class Pace:
    """The types of events that a member reads without hurry, ``paced``, and those that end their wait, ``hurried``."""

    def __init__(self, hurried: Collection[str] = (), paced: Collection[str] = ()) -> None:
        self.hurried = frozenset(hurried)
        self.paced = frozenset(paced)

    def allows_wait(self, records: Sequence[Record]) -> bool:
        """Whether these records may wait for others. A record without a type is set aside, which silences."""
        types = {record.headers.get(TYPE) for record in records}
        return not types.isdisjoint(self.paced) and types.isdisjoint(self.hurried) and None not in types

    async def poll(self, poll: Poll, max_records: int, timeout_seconds: float) -> list[Record]:
        """Return the records of ``poll``. If all may wait, also those that come within ``PACE_SECONDS``."""
        records = await poll(max_records, timeout_seconds)
        until = monotonic() + min(PACE_SECONDS, timeout_seconds)
        while self.allows_wait(records) and len(records) < max_records and (left := until - monotonic()) > 0:
            records += await poll(max_records - len(records), left)
        return records
