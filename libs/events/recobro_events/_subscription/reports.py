"""Report a consumer's progress to its group and to the metrics, while the consumer works."""

import asyncio
import time
from collections.abc import Callable, Mapping

from recobro_events import _metrics as metrics
from recobro_events._errors import MembershipLost, TopicPartition
from recobro_events._log.transport import GroupMember
from recobro_events._tasks import end

LAG_SECONDS = 10.0
ANSWER_SECONDS = 30.0

Progress = Callable[[], Mapping[TopicPartition, int]]


class Reports:
    """Reports the ``progress`` of the consumer ``name``: the next offset of each partition that the consumer owns.

    One report runs at a time, and the consumer never waits for a report. A report that gets no answer shows that the
    log has stopped answering.
    """

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._committed: dict[TopicPartition, int] = {}
        self._under_way: asyncio.Task[None] | None = None
        self._begun_at = 0.0
        self._lag_at = 0.0
        self._lagging: Mapping[TopicPartition, int] = {}
        self._advanced_at = time.monotonic()

    @property
    def stalled_seconds(self) -> float:
        """For how long a partition has had records to read and its position has not moved."""
        return time.monotonic() - self._advanced_at

    def reset_stalled(self) -> None:
        """Do not count the time until now as stalled, such as time in which the log could not be reached."""
        self._lagging, self._advanced_at = {}, time.monotonic()

    def report(self, member: GroupMember) -> None:
        """Begin a report of new progress, unless one is under way. Raises ``TransportError`` if the last report failed.

        Raises ``MembershipLost`` if the report under way has had no answer for 30 seconds.
        """
        now = time.monotonic()
        if self._under_way is not None:
            if not self._under_way.done():
                if now - self._begun_at > ANSWER_SECONDS:
                    raise MembershipLost(f"the log has not answered {self._name} for {ANSWER_SECONDS:.0f} s")
                return
            last, self._under_way = self._under_way, None
            last.result()
        offsets = {place: at for place, at in self._progress().items() if self._committed.get(place) != at}
        with_lag = now >= self._lag_at
        if offsets or with_lag:
            self._begun_at = now
            self._lag_at = now + LAG_SECONDS if with_lag else self._lag_at
            self._under_way = asyncio.create_task(self._report(member, offsets, with_lag))

    async def end(self) -> None:
        """End the report under way and clear what was reported, because the member leaves its group."""
        report, self._under_way = self._under_way, None
        if report is not None:
            await end(report)
        self._committed.clear()

    async def _report(self, member: GroupMember, offsets: Mapping[TopicPartition, int], with_lag: bool) -> None:
        if offsets:
            await member.commit(offsets)
            self._committed.update(offsets)
        if not with_lag:
            return
        places = list(self._progress())
        if not places:
            await member.check()
            self.reset_stalled()
            return
        bounds = await member.bounds(places)
        progress = {place: at for place, at in self._progress().items() if place in bounds}
        for place, at in progress.items():
            lag = bounds[place].end - at
            metrics.POSITION_LAG.labels(self._name, place.topic, str(place.partition)).set(lag)
        lagging = {place: at for place, at in progress.items() if at < bounds[place].end}
        if not any(self._lagging.get(place) == at for place, at in lagging.items()):
            self._advanced_at = time.monotonic()
        self._lagging = lagging
