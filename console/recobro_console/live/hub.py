"""Passes on what changes to the open pages, at most twice a second to each.

==============================  ===================================================================
an agency's page                gets events that name this agency, and those of the contract that it shows
a page that reads too slowly    gets fewer, larger messages: subjects are collected, not queued
the log does not answer         every page shows this, and draws everything anew once the log is back
==============================  ===================================================================
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from recobro_events import (
    Bounds,
    GroupMember,
    Lane,
    TopicPartition,
    Transport,
    TransportError,
    bulk_sources,
)
from recobro_events.tailing import tail
from recobro_platform import SERVICE_NAMES

from recobro_console import metrics
from recobro_console.live.subjects import Change, change_of

EVERYTHING = "everything"
WITHDRAWN = "dialer-feed.list-entry-withdrawn.v1"
PAID = "portfolio.payment-received.v1"
MOST_LISTENERS = 1000
_KEPT = 50
_GATHER_SECONDS = 0.1
"""A fact's consequences follow within milliseconds, and go into the same message."""
_INTERVAL_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class TooManyPages(Exception):
    """No more pages can listen at this process."""


class Listener:
    """An open page. It collects the subjects that have changed since its last message."""

    def __init__(self, agency_id: str | None, about: str | None = None) -> None:
        self.agency_id, self.about = agency_id, about
        self.is_live = True
        self._changed: set[str] = set()
        self._any = asyncio.Event()

    def concerns(self, change: Change) -> set[str]:
        """The subjects of the change that this page may get. A payment names no agency, only its contract."""
        if self.agency_id in (None, change.agency_id):
            return set(change.subjects)
        return {self.about} & change.subjects if self.about else set()

    def hear(self, subjects: Iterable[str]) -> None:
        self._changed.update(subjects)
        self._any.set()

    async def messages(self, quiet_seconds: float) -> AsyncIterator[tuple[bool, list[str]]]:
        """Yield whether the log answers, and the subjects that have changed; none after ``quiet_seconds`` of quiet."""
        while True:
            try:
                async with asyncio.timeout(quiet_seconds):
                    await self._any.wait()
            except TimeoutError:
                yield self.is_live, []
                continue
            await asyncio.sleep(_GATHER_SECONDS)
            self._any.clear()
            changed, self._changed = sorted(self._changed), set()
            yield self.is_live, changed
            await asyncio.sleep(_INTERVAL_SECONDS - _GATHER_SECONDS)


class Hub:
    """Listens to the log, from the moment at which it starts, and notifies the open pages."""

    def __init__(self, transport: Callable[[], Transport]) -> None:
        self._transport = transport
        self._listeners: set[Listener] = set()
        self._latest: dict[str, deque[Change]] = {kind: deque(maxlen=_KEPT) for kind in (WITHDRAWN, PAID)}
        self._member: GroupMember | None = None
        self._partitions: Sequence[TopicPartition] = ()
        self.is_live = False

    @contextmanager
    def listening(self, agency_id: str | None, about: str | None = None) -> Iterator[Listener]:
        """A page listens while the block runs. ``about`` is the one subject that an agency's page shows.

        Raises ``TooManyPages``.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyPages
        listener = Listener(agency_id, about)
        listener.is_live = self.is_live
        self._listeners.add(listener)
        metrics.PAGES.inc()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            metrics.PAGES.dec()

    def withdrawals(self) -> list[Change]:
        """The latest withdrawals that this process has seen, newest first."""
        return list(reversed(self._latest[WITHDRAWN]))

    def payments(self) -> list[Change]:
        """The latest payments that this process has seen, newest first."""
        return list(reversed(self._latest[PAID]))

    async def bounds(self) -> Mapping[TopicPartition, Bounds]:
        """What each partition of the topics holds now. Raises ``TransportError`` while the log does not answer."""
        if self._member is None:
            raise TransportError("the event log has not answered yet")
        return await self._member.bounds(self._partitions)

    def _joined(self, member: GroupMember, partitions: Mapping[str, int]) -> None:
        self._member = member
        self._partitions = [TopicPartition(topic, n) for topic, count in partitions.items() for n in range(count)]

    async def run(self) -> None:
        """Listen until the task is cancelled. A log that does not answer is asked again and again."""
        topics = {f"{name}.{Lane.EVENTS}" for name in SERVICE_NAMES}
        topics |= {f"{name}.{Lane.BULK}" for name in bulk_sources() & set(SERVICE_NAMES)}
        while True:
            try:
                reading = tail(self._transport(), topics, "recobro.console", self._back, self._away, self._joined)
                async for records in reading:
                    for record in records:
                        if change := change_of(record):
                            self._tell(change)
            except TransportError:
                _log.warning("log_unreachable")
                self._away()
            self._member = None
            await asyncio.sleep(_RETRY_SECONDS)

    def _tell(self, change: Change) -> None:
        if change.type in self._latest:
            self._latest[change.type].append(change)
        for listener in self._listeners:
            if subjects := listener.concerns(change):
                listener.hear(subjects)

    def _back(self) -> None:
        self._say(is_live=True)

    def _away(self) -> None:
        self._say(is_live=False)

    def _say(self, *, is_live: bool) -> None:
        self.is_live = is_live
        metrics.LIVE.set(is_live)
        for listener in self._listeners:
            listener.is_live = is_live
            listener.hear([EVERYTHING] if is_live else [])
