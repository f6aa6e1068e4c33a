"""The event runtime in a service's process: a relay and a subscription per lane.

A process may run only some parts, so that the parts scale independently. Any number of processes may run each part.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from recobro_events import barrier, rebuilding, restoring
from recobro_events._backoff import Backoff
from recobro_events._consumer import Consumer
from recobro_events._database.database import Database
from recobro_events._errors import TRANSIENT_ERRORS, LogReplaced, PositionLost, TransportError
from recobro_events._log.transport import Transport
from recobro_events._outbox.relay import Relay
from recobro_events._runtime import housekeeping, recognising
from recobro_events._runtime.tasks import Tasks
from recobro_events._subscription.subscription import Subscription
from recobro_events._tasks import end, signalled
from recobro_events.contracts.base import SERVICE_LANES, Lane, bulk_sources
from recobro_events.rebuilding import Source

_WATCH_SECONDS = 1.0
_RETRY_SECONDS = (0.5, 10.0)
"""The shortest and the longest pause after a transient error."""
_STOP_SECONDS = 25.0

log = structlog.get_logger()


class Runtime:
    """Runs the relays of a service's outbox and the subscriptions of its consumer, from ``start`` to ``stop``.

    ``on_barrier`` is called in this process when a barrier of this service has ended. ``start`` does not wait for the
    log: until the log can be reached, facts gather in the outbox.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        transport: Transport,
        consumer: Consumer | None,
        *,
        on_barrier: Callable[[], None] | None = None,
        agencies: bool = False,
        source: Source | None = None,
        relays: bool = True,
        consumes: bool = True,
    ) -> None:
        """``agencies``: the service also publishes events for agencies. ``source``: how it republishes its state.

        ``relays``, ``consumes``: whether this process runs these parts; a process that consumes also does the
        housekeeping. Raises ``ValueError`` if the consumer listens to a service of which no event type is known.
        """
        if consumer is not None:
            consumer.check_sources()
        self.service = service
        self.consumer = consumer
        self._source = source
        self.database = database
        self._transport = transport
        self._on_barrier = on_barrier
        self._relays_here = relays
        self._consumes_here = consumes
        self._tasks = Tasks(service)
        self._relays: list[Relay] = []
        self._subscriptions: list[Subscription] = []
        # Relays and subscriptions end by themselves when they are stopped; the other tasks are cancelled.
        self._workers: list[asyncio.Task[None]] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._topics_known = asyncio.Event()
        self._log_is_foreign = False
        database.service = service
        self._relayed = [*self.lanes, Lane.AGENCIES] if agencies else self.lanes

    @property
    def lanes(self) -> list[Lane]:
        """The lanes on which this service publishes to other services."""
        return list(SERVICE_LANES) if self.service in bulk_sources() else [Lane.EVENTS]

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """The subscriptions that run in this process, one per lane."""
        return tuple(self._subscriptions)

    async def start(self) -> None:
        """Complete a restore that is pending, and start the tasks. Wait at most 5 s until the log has been reached."""
        await restoring.finish(self.database, self._source)
        self._keep("start", self._begin)
        # Usually the topics are known soon, and then the service's first request can open a barrier.
        await signalled(self._topics_known, 5)

    async def stop(self) -> None:
        """Finish or roll back the batches under way, release the relays' locks within 25 s, and close the transport."""
        self._tasks.stop()
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions))
        for relay in self._relays:
            relay.stop()
        await end(*self._keepers)
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=_STOP_SECONDS)
            for task in late:
                task.cancel()
        await self._transport.close()

    def stalled(self) -> list[str]:
        """Consumers of this process that have events to read but make no progress; a restart may help."""
        return [subscription.name for subscription in self._subscriptions if subscription.is_stalled]

    @property
    def has_stopped(self) -> bool:
        """Whether a consumer of this process has stopped because it cannot continue."""
        return any(self._tasks.given_up(_name_of(subscription)) for subscription in self._subscriptions)

    def problems(self) -> list[str]:
        """The reasons why this process is not fully at work, in plain words; empty if there are none."""
        found = self._tasks.problems()
        if not self._topics_known.is_set():
            found.append("the event log has not been reached yet")
        if self._log_is_foreign:
            found.append(
                f"the event log already holds facts of {self.service}, but this database is empty: the log belongs to"
                " another platform, or the database was lost. Restore the database, rebuild the service, or give the"
                " platform its own log"
            )
        return found

    async def _begin(self) -> None:
        """Start all other tasks, once the log has been reached and recognised. Nothing is started twice."""
        await self._prepare_topics()
        await self._recognise_log()
        bulk_first = self._consumes_here and await self._reads_bulk_first()
        if self._relays_here:
            self._relays = [
                Relay(lane, self.database, self._transport, consumer=self.consumer) for lane in self._relayed
            ]
        for relay in self._relays:
            self._workers.append(self._tasks.start(f"relay {self.service}.{relay.lane}", relay.run))
        if self._consumes_here:
            self._consume(bulk_first=bulk_first)

    def _consume(self, *, bulk_first: bool) -> None:
        if bulk_first:
            self._subscribe(Lane.BULK)
            self._keep("catching up", self._follow_bulk)
        else:
            for lane in SERVICE_LANES:
                self._subscribe(lane)
        self._keep("watch", self._keep_watch)
        self._keep("republishing", self._republish)
        self._keep("counting", lambda: housekeeping.report_for_ever(self.database, self._relayed))
        self._keep("pruning", lambda: housekeeping.prune_for_ever(self.database, self._transport))

    async def _reads_bulk_first(self) -> bool:
        if self._source is None or not self._source.bulk_first:
            return False
        backoff = Backoff(*_RETRY_SECONDS)
        while True:
            try:
                async with self.database.connection() as connection:
                    return await rebuilding.is_catching_up(connection)
            except TRANSIENT_ERRORS as error:
                log.warning("watch_failed", service=self.service, error=type(error).__name__)
                await backoff.wait()

    async def _follow_bulk(self) -> None:
        """Read the lane ``events`` once this process has applied all that the lane ``bulk`` holds."""
        while not all([await subscription.has_caught_up() for subscription in self._subscriptions]):  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(_WATCH_SECONDS / 4)
        self._subscribe(Lane.EVENTS)

    def _subscribe(self, lane: Lane) -> None:
        if self.consumer is None or not self.consumer.topics(lane):
            return
        subscription = Subscription(self.consumer, lane, self.database, self._transport, on_barrier=self._on_barrier)
        self._subscriptions.append(subscription)
        self._workers.append(self._tasks.start(_name_of(subscription), subscription.run, gives_up=True))

    async def _prepare_topics(self) -> None:
        own = {lane: f"{self.service}.{lane}" for lane in self.lanes}
        read = [topic for lane in SERVICE_LANES for topic in self.consumer.topics(lane)] if self.consumer else []
        backoff = Backoff(*_RETRY_SECONDS)
        while True:
            try:
                await self._transport.open()
                counts = await self._transport.ensure_topics({*own.values(), *read})
                break
            except TransportError as error:
                log.warning("log_unreachable", service=self.service, error=type(error).__name__)
                await backoff.wait()
        self.database.partitions = {lane: counts[topic] for lane, topic in own.items()}
        self._topics_known.set()

    async def _recognise_log(self) -> None:
        own = [f"{self.service}.{lane}" for lane in self.lanes]
        backoff = Backoff(*_RETRY_SECONDS)
        while True:
            try:
                self._log_is_foreign = not await recognising.recognises(self.database, self._transport, own)
                if not self._log_is_foreign:
                    return
                log.error("strange_log", service=self.service)
            except TRANSIENT_ERRORS as error:
                log.warning("log_unreachable", service=self.service, error=type(error).__name__)
            await backoff.wait()

    async def _keep_watch(self) -> None:
        backoff = Backoff(*_RETRY_SECONDS)
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                if await barrier.expire(self.database) and self._on_barrier is not None:
                    self._on_barrier()
                await self._resume()
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                log.warning("watch_failed", service=self.service, error=type(error).__name__)
                await backoff.wait()

    async def _resume(self) -> None:
        """Restart consumers whose position was lost, once a rebuild is open that republishes what they missed."""
        lost = [
            subscription
            for subscription in self._subscriptions
            if isinstance(self._tasks.given_up(_name_of(subscription)), PositionLost | LogReplaced)
        ]
        if not lost:
            return
        async with self.database.connection() as connection:
            if not await rebuilding.is_open(connection):
                return
        for subscription in lost:
            self._subscriptions.remove(subscription)
            self._subscribe(subscription.lane)

    async def _republish(self) -> None:
        backoff = Backoff(*_RETRY_SECONDS)
        while True:
            try:
                if not await rebuilding.republish_next(self.database, self.consumer, self._source):
                    await asyncio.sleep(_WATCH_SECONDS)
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                log.warning("republishing_interrupted", service=self.service, error=type(error).__name__)
                await backoff.wait()

    def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._keepers.append(self._tasks.start(name, run))


def _name_of(subscription: Subscription) -> str:
    return f"consumer {subscription.name}"
