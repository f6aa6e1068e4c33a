"""A running consumer of one lane: partitions come and go, and batches are applied one after the other."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import uuid4

import structlog

from recobro_events import _metrics as metrics
from recobro_events import rebuilding
from recobro_events._applying import positions
from recobro_events._applying.batch import Applied, Handle, apart, apply, report, together, types_of
from recobro_events._applying.parking import Delivery
from recobro_events._applying.positions import Move, Position
from recobro_events._backoff import Backoff
from recobro_events._consumer import Consumer
from recobro_events._database.database import Database
from recobro_events._errors import (
    TRANSIENT_ERRORS,
    CannotContinue,
    LogReplaced,
    MembershipLost,
    OwnershipLost,
    PositionLost,
    TopicPartition,
    TransportError,
    UnappliableEvent,
)
from recobro_events._log.transport import Bounds, GroupMember, Record, Transport
from recobro_events._subscription.holding import Holding
from recobro_events._subscription.reading import Reading
from recobro_events._subscription.reports import Reports
from recobro_events._tasks import signalled
from recobro_events.contracts.base import Lane

POLL_SECONDS = 0.5
KEEP_SECONDS = 1.0
STALLED_SECONDS = 120.0
DRAIN_SECONDS = {Lane.EVENTS: 2.0, Lane.BULK: 20.0}
MAX_RECORDS = {Lane.EVENTS: 2_000, Lane.BULK: 1_000}
BULK_BATCH_SECONDS = 0.1
RETRY_SECONDS = (0.02, 5.0)
"""The shortest and the longest pause after an error; the pauses grow until records have been read and applied."""

log = structlog.get_logger()


class Subscription:
    """One lane of a ``Consumer``, running as a member of the group ``<service>.<lane>``.

    ``run`` returns after ``stop``, when the last batch has committed or rolled back and the member has left the group.
    ``run`` raises ``CannotContinue`` when too many events cannot be applied, the log was replaced or the position is
    lost. Nothing was skipped then, and a person has to act. Transient errors are retried for ever.
    """

    def __init__(
        self,
        consumer: Consumer,
        lane: Lane,
        database: Database,
        transport: Transport,
        *,
        on_barrier: Callable[[], None] | None = None,
    ) -> None:
        self.name = f"{consumer.service}.{lane}"
        self.lane = lane
        self._consumer = consumer
        self._database = database
        self._transport = transport
        self._on_barrier = on_barrier
        self._member: GroupMember | None = None
        self._holding = Holding(self.name)
        # Partitions whose log was replaced: during a rebuild they are read from their start.
        self._replaced: set[TopicPartition] = set()
        self._claiming = asyncio.Lock()
        self._batch: asyncio.Task[Applied] | None = None
        self._reading = Reading(consumer, self.name)
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._backoff = Backoff(*RETRY_SECONDS)
        self._running = False
        self._limit = MAX_RECORDS[lane] if lane is Lane.EVENTS else 500
        self._reports = Reports(self.name, lambda: self.progress)
        self._keep_at = 0.0

    @property
    def progress(self) -> Mapping[TopicPartition, int]:
        """The next offset of each partition that this member owns."""
        return self._holding.progress

    @property
    def is_stalled(self) -> bool:
        """Whether the subscription runs and has records to read, but has made no progress for two minutes.

        Time in which the log or the database cannot be reached does not count. A stopped consumer is not stalled.
        """
        return self._running and self._reports.stalled_seconds > STALLED_SECONDS

    async def has_caught_up(self) -> bool:
        """Whether this member has partitions, and has applied or skipped all records that they hold now."""
        if self._member is None or not self._holding.is_complete:
            return False
        try:
            bounds = await self._member.bounds(self._holding.owned)
        except TransportError:
            return False
        return all(bounds[place].end <= offset for place, offset in self.progress.items())

    async def run(self) -> None:
        """Apply events until ``stop``."""
        self._running = True
        self._reports.reset_stalled()
        metrics.CONSUMER_STOPPED.labels(self.name).set(0)
        try:
            while not self._stopping.is_set():
                try:
                    await self._step()
                except TRANSIENT_ERRORS as error:
                    metrics.CONSUMER_RETRIES.labels(self.name).inc()
                    log.warning("consumer_interrupted", consumer=self.name, error=type(error).__name__)
                    self._reports.reset_stalled()
                    if isinstance(error, MembershipLost):
                        await self._leave()
                    await self._backoff.wait(self._stopping)
        except CannotContinue as error:
            metrics.CONSUMER_STOPPED.labels(self.name).set(1)
            log.critical("consumer_stopped", consumer=self.name, error=str(error))
            raise
        finally:
            self._running = False
            await self._leave()

    async def stop(self) -> None:
        """End ``run``; the batch under way finishes in time or is rolled back."""
        self._stopping.set()
        self._wake.set()
        await self._drain()

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        self._holding.assign(partitions)
        self._wake.set()

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self._holding.unassign(partitions)
        metrics.REBALANCES.labels(self.name).inc()
        # Wait for a claim in progress. The last claim wins, so a late claim would take partitions from the new owner.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS[self.lane]), self._claiming:
                pass
        await self._drain()
        self._holding.disown(partitions)

    async def _step(self) -> None:
        try:
            await self._read_and_apply()
        except (PositionLost, LogReplaced) as lost:
            if not await self._is_rebuilding():
                raise
            log.warning("reading_from_the_start", consumer=self.name, error=str(lost))
            await self._claim_all_again(lost)

    async def _read_and_apply(self) -> None:
        if self._member is None:
            self._member = await self._transport.join(self.name, self._consumer.topics(self.lane), self)
            self._member.hurry_for(*types_of(self._consumer))
        async with self._claiming:
            await self._claim_due()
        ready = self._holding.owned
        if not ready:
            await self._keep()
            self._wake.clear()
            await signalled(self._wake, POLL_SECONDS)
            return
        read = await self._reading.next(self._member, ready, self._limit, POLL_SECONDS)
        # Nothing is awaited from here until the batch begins: a revocation in between would be missed.
        records = self._holding.proven(read.records)
        if records and not self._stopping.is_set():
            await self._take(records, read.wanted_of(records))
        await self._keep()
        self._backoff.reset()

    async def _put_back(self) -> None:
        """Drop records that were read ahead, before a position changes, and seek back so that they are read again."""
        if await self._reading.drop_ahead():
            for place in self._holding.owned:
                self._seek(place)

    async def _take(self, records: Sequence[Record], wanted: Sequence[Delivery]) -> None:
        """Apply these records.

        If a partition has nothing to apply, only note its position, which is saved within a second.
        """
        moves = self._holding.moves(records)
        places = {delivery.record.place for delivery in wanted}
        self._holding.pass_over({place: move for place, move in moves.items() if place not in places})
        if not wanted:
            return
        moves = {place: moves[place] for place in places}
        started = time.monotonic()
        if (applied := await self._apply(moves, wanted)) is not None:
            self._after_batch(len(records), applied, time.monotonic() - started)

    async def _claim_due(self) -> None:
        assert self._member is not None
        if not (due := self._holding.due()):
            return
        await self._put_back()
        owner = uuid4()
        claimed = await positions.claim(self._database, self.name, due, owner)
        bounds = await self._member.bounds(due)
        gone = self._replaced | set(await self._check(claimed, bounds))
        if gone:
            starts = {place: bounds[place].start for place in gone if place in bounds}
            claimed |= await positions.start_over(self._database, self.name, starts, owner)
            self._replaced -= gone
        for place in self._holding.assigned.intersection(due):
            self._own(place, claimed[place], bounds[place].start)

    async def _check(
        self, claimed: Mapping[TopicPartition, Position], bounds: Mapping[TopicPartition, Bounds]
    ) -> list[TopicPartition]:
        """The partitions whose next record the log does not hold. Raises ``PositionLost`` unless a rebuild is open."""
        lost = []
        for place, position in claimed.items():
            try:
                positions.check(place, position, bounds[place])
            except PositionLost:
                if not await self._is_rebuilding():
                    raise
                lost.append(place)
        return lost

    async def _is_rebuilding(self) -> bool:
        async with self._database.connection() as connection:
            return await rebuilding.is_open(connection)

    async def _claim_all_again(self, lost: PositionLost | LogReplaced) -> None:
        if isinstance(lost, LogReplaced):
            self._replaced.add(lost.place)
        self._holding.give_up(self._holding.assigned, 0.0)
        await self._backoff.wait(self._stopping)

    def _own(self, place: TopicPartition, position: Position, start: int) -> None:
        self._holding.own(place, position, start)
        self._seek(place)

    def _seek(self, place: TopicPartition) -> None:
        assert self._member is not None
        self._member.seek(place, self._holding.read_from(place))

    async def _apply(self, moves: Mapping[TopicPartition, Move], wanted: Sequence[Delivery]) -> Applied | None:
        """Apply a batch in one transaction.

        None when it was rolled back; its records are then read again, here or elsewhere.
        """
        places = set(moves)
        self._batch = asyncio.create_task(self._transact(moves, wanted))
        try:
            return await asyncio.shield(self._batch)
        except OwnershipLost as lost:
            metrics.OWNERSHIP_LOST.labels(self.name).inc()
            log.info("ownership_lost", consumer=self.name, partitions=len(lost.partitions))
            self._give_up(lost.partitions)
            await self._read_again(places - lost.partitions)
            return None
        except asyncio.CancelledError:
            if not self._batch.cancelled():
                self._batch.cancel()
                await asyncio.gather(self._batch, return_exceptions=True)
                raise
            # The time of ``_drain`` ran out, and it rolled the batch back.
            await self._read_again(places)
            return None
        except TRANSIENT_ERRORS:
            await self._read_again(places)
            raise
        finally:
            self._batch = None

    async def _transact(self, moves: Mapping[TopicPartition, Move], wanted: Sequence[Delivery]) -> Applied:
        try:
            return await self._attempt(moves, wanted, together)
        except UnappliableEvent as error:
            log.warning("batch_taken_apart", consumer=self.name, count=len(wanted), error=str(error))
            return await self._attempt(moves, wanted, apart)

    async def _attempt(
        self, moves: Mapping[TopicPartition, Move], wanted: Sequence[Delivery], handle: Handle
    ) -> Applied:
        async with self._database.transaction(self.name, bulk=self.lane is Lane.BULK) as tx:
            if wanted and self._consumer.first_hook is not None:
                await self._consumer.first_hook(tx)
            fresh = await positions.move(tx, self.name, moves, [delivery.event_id for delivery in wanted])
            if self._member is not None and 2 * len(wanted) > self._limit:
                self._reading.read_ahead(self._member, self._holding.owned, self._limit)
            applied = await apply(tx, self._consumer, self.name, wanted, fresh, handle)
        self._holding.moved(moves)
        return applied

    def _after_batch(self, records: int, applied: Applied, seconds: float) -> None:
        report(self.name, self.lane, records, applied, seconds)
        if applied.barrier_ended and self._on_barrier is not None:
            self._on_barrier()
        if self.lane is Lane.BULK:
            self._adapt(records, seconds)

    def _adapt(self, records: int, seconds: float) -> None:
        """Keep bulk batches near 100 ms, since a payment may wait that long for its contract's row."""
        if seconds > BULK_BATCH_SECONDS:
            self._limit = max(50, min(self._limit, records) * 2 // 3)
        elif records == self._limit and seconds < BULK_BATCH_SECONDS / 2:
            self._limit = min(MAX_RECORDS[self.lane], self._limit * 3 // 2)

    def _give_up(self, partitions: Collection[TopicPartition]) -> None:
        """Leave these partitions to their new owner, and claim later those that are still assigned to this member."""
        assert self._member is not None
        self._holding.give_up(partitions, self._member.settled_seconds)

    async def _read_again(self, partitions: Collection[TopicPartition]) -> None:
        """Continue from the positions in the database, after a batch that rolled back or may have committed."""
        await self._put_back()
        tokens = self._holding.tokens(partitions)
        # These partitions are not read until their positions are known again.
        self._holding.disown(tokens)
        backoff = Backoff(*RETRY_SECONDS)
        while tokens and not self._stopping.is_set():
            try:
                held = await positions.held(self._database, self.name, tokens)
                break
            except TRANSIENT_ERRORS:
                await backoff.wait(self._stopping)
        else:
            return
        for place in self._holding.assigned.intersection(held):
            self._own(place, held[place], held[place].next_offset)
        self._give_up([place for place in tokens if place not in held])

    async def _drain(self) -> None:
        """Let the batch under way finish within ``DRAIN_SECONDS``, or roll it back."""
        batch = self._batch
        if batch is None or batch.done():
            return
        await asyncio.wait({batch}, timeout=DRAIN_SECONDS[self.lane])
        if not batch.done():
            batch.cancel()
            await asyncio.wait({batch})

    async def _keep(self) -> None:
        """Once a second, save positions behind records that needed no transaction, and report the progress."""
        now = time.monotonic()
        if now < self._keep_at or self._stopping.is_set():
            return
        self._keep_at = now + KEEP_SECONDS
        if passed := self._holding.passed:
            await self._apply(passed, [])
        assert self._member is not None
        self._reports.report(self._member)

    async def _leave(self) -> None:
        """Leave the group; the next step joins it again, unless ``stop`` was called."""
        await self._drain()
        await self._put_back()
        await self._reports.end()
        member, self._member = self._member, None
        if member is not None:
            await member.leave()
        self._holding.clear()
