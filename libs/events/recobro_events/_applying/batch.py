"""One batch of records, applied by one transaction."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import structlog

from recobro_events import _metrics as metrics
from recobro_events import barrier, rebuilding
from recobro_events._applying.parking import Delivery, Parking
from recobro_events._applying.waves import cut_into_waves
from recobro_events._consumer import Consumer
from recobro_events._database.transaction import Transaction
from recobro_events._errors import TRANSIENT_ERRORS, CannotContinue, UnappliableEvent
from recobro_events._log.envelope import AUDIENCE, TYPE
from recobro_events._log.transport import Record
from recobro_events._tasks import in_turns
from recobro_events.contracts.base import EVERYONE, REGISTRY, Event, Lane
from recobro_events.contracts.runtime import (
    BarrierReached,
    BarrierRequested,
    Marker,
    RebuildRequested,
    StateRepublished,
)
from recobro_events.tracing import Span, continued, export, is_exported, now_ns, work_for

_BARRIER: tuple[type[Marker], ...] = (BarrierRequested, BarrierReached)
# Exact types are compared, because pydantic's isinstance would cost more than reading an envelope's time.
_RUNTIME_TYPES: tuple[type[Event], ...] = (*_BARRIER, StateRepublished, RebuildRequested)
_RUNTIME: frozenset[type] = frozenset(_RUNTIME_TYPES)
log = structlog.get_logger()


class Applied(NamedTuple):
    """The result of a batch: its new events, the number of waves, and whether a barrier of this service ended in it.

    ``spans`` maps the id of each fact to the traceparent of its work. Events that the fact caused have the same
    traceparent.
    """

    events: Sequence[Event]
    waves: int
    barrier_ended: bool
    spans: Mapping[UUID, str]


Handle = Callable[[Consumer, Transaction, type[Event], Sequence[Delivery], Parking], Awaitable[None]]
"""Applies a group of events of one type, in which no key appears twice. It is either ``together`` or ``apart``."""


def types_of(consumer: Consumer) -> tuple[frozenset[str], frozenset[str]]:
    """The types that ``consumer`` or the runtime itself handles: the types that must not wait, and the paced types."""
    paced = frozenset(event_type.type for event_type in consumer.paced)
    return frozenset(event_type.type for event_type in (*consumer.handlers, *_RUNTIME_TYPES)) - paced, paced


async def handled(consumer: Consumer, name: str, records: Sequence[Record]) -> list[Delivery]:
    """The deliveries of ``records`` that the consumer ``name`` has to apply or to set aside, with decoded bodies.

    The other records need no transaction. Other tasks of the process run while this function decodes.
    """
    wanted: dict[UUID, Delivery] = {}
    audiences = {EVERYONE, consumer.service}
    async for some in in_turns(records):
        for record in some:
            if record.headers.get(AUDIENCE, EVERYONE) not in audiences:
                continue
            event_type = REGISTRY.get(record.headers.get(TYPE, ""))
            if event_type is not None and event_type not in consumer.handlers and event_type not in _RUNTIME:
                continue
            delivery = Delivery.of(record)
            if delivery.error is None and event_type is None:
                metrics.EVENTS_UNKNOWN.labels(name).inc()
                continue
            # The first copy counts: it has the fact's place in the order of its key.
            if wanted.setdefault(delivery.event_id, delivery) is delivery:
                delivery.decode()
    return list(wanted.values())


async def apply(
    tx: Transaction, consumer: Consumer, name: str, wanted: Sequence[Delivery], fresh: Collection[UUID], handle: Handle
) -> Applied:
    """Apply the deliveries of ``wanted`` that are new to the consumer ``name``: those whose ids are in ``fresh``.

    An event that cannot be read is set aside, and so is an event of a parked key. Raises ``UnappliableEvent`` if a
    handler refuses a group that was applied ``together``: the caller must then roll back the whole batch.
    """
    metrics.EVENTS_REPEATED.labels(name).inc(len(wanted) - len(fresh))
    new = [delivery for delivery in wanted if delivery.event_id in fresh]
    facts = [delivery for delivery in new if type(delivery.event) not in _RUNTIME]
    waves = await _apply_facts(tx, consumer, name, facts, handle) if facts else 0
    # This comes last: the other events that this batch publishes must lie before its markers.
    ended = await _follow_runtime(
        tx, consumer, [d.event for d in new if d.event is not None and type(d.event) in _RUNTIME]
    )
    return Applied([delivery.event for delivery in new if delivery.event is not None], waves, ended, tx.traces)


def report(consumer: str, lane: Lane, records: int, applied: Applied, seconds: float) -> None:
    """Report a batch that has committed: set its metrics and export its spans.

    ``records`` is the number of records that were read, and ``seconds`` the duration of the batch.
    """
    metrics.BATCH_SECONDS.labels(consumer).observe(seconds)
    metrics.BATCH_EVENTS.labels(consumer).observe(records)
    metrics.BATCH_WAVES.labels(consumer).observe(applied.waves)
    for event_type, count in Counter(event.type for event in applied.events).items():
        metrics.EVENTS_APPLIED.labels(consumer, event_type).inc(count)
    if applied.events:
        oldest = min(event.occurred_at for event in applied.events)
        age = (datetime.now(UTC) - oldest).total_seconds()
        metrics.EVENT_AGE_SECONDS.labels(consumer).observe(max(age, 0))
    if lane is Lane.EVENTS and is_exported():
        _export_spans(consumer, applied, seconds)


def _export_spans(consumer: str, applied: Applied, seconds: float) -> None:
    ended_ns = now_ns()
    started_ns = ended_ns - int(seconds * 1e9)
    for event in applied.events:
        if (own := applied.spans.get(event.event_id)) is not None:
            name, parent = f"apply {event.type}", event.envelope.traceparent
            export(Span(name, "consumer", own, parent, started_ns, ended_ns, {"recobro.consumer": consumer}))


async def _follow_runtime(tx: Transaction, consumer: Consumer, events: Sequence[Event]) -> bool:
    """Apply the runtime's own events; return whether a barrier of this service ended."""
    if requests := [event for event in events if isinstance(event, RebuildRequested)]:
        await rebuilding.record(tx, consumer, requests)
    if republished := [event for event in events if isinstance(event, StateRepublished)]:
        await rebuilding.count(tx, consumer, republished)
    markers = [event for event in events if isinstance(event, _BARRIER)]
    return await barrier.count(tx, consumer, markers) if markers else False


async def _apply_facts(
    tx: Transaction, consumer: Consumer, name: str, facts: Sequence[Delivery], handle: Handle
) -> int:
    traces = {d.event_id: d.envelope.traceparent for d in facts if d.envelope and d.envelope.traceparent}
    # A separate span for the work is made only if spans are collected.
    tx.traces = {event_id: continued(trace) for event_id, trace in traces.items()} if is_exported() else traces
    # Events that one statement publishes for all of these facts have to belong to a single span.
    work_for(next(iter(tx.traces.values()), None))
    if consumer.lock_hook is not None:
        about = [event for delivery in facts if (event := delivery.about(consumer.service, name)) is not None]
        await consumer.lock_hook(tx, about)
    parking = Parking(tx, consumer, name)
    await parking.look_up(facts)
    waves = cut_into_waves(facts, attrgetter("key"))
    for wave in waves:
        groups: dict[type[Event], list[Delivery]] = {}
        for delivery in wave:
            if parking.queue_behind(delivery):
                continue
            if delivery.event is None:
                await parking.park(delivery, delivery.error or "the record cannot be read")
            else:
                groups.setdefault(type(delivery.event), []).append(delivery)
        for event_type, group in groups.items():
            await handle(consumer, tx, event_type, group, parking)
    await parking.write()
    if consumer.last_hook is not None:
        await consumer.last_hook(tx)
    return len(waves)


async def together(
    consumer: Consumer, tx: Transaction, event_type: type[Event], group: Sequence[Delivery], _parking: Parking
) -> None:
    """Apply the group with one call, the normal case. Raises ``UnappliableEvent`` if its handler refuses the group."""
    await call(consumer, tx, event_type, group)


async def apart(
    consumer: Consumer, tx: Transaction, event_type: type[Event], group: Sequence[Delivery], parking: Parking
) -> None:
    """Apply the group under a savepoint. A group that fails is halved until the event that fails stands alone."""
    try:
        async with tx.savepoint():
            await call(consumer, tx, event_type, group)
    except UnappliableEvent as error:
        if len(group) == 1:
            await parking.park(group[0], str(error))
            return
        middle = len(group) // 2
        await apart(consumer, tx, event_type, group[:middle], parking)
        await apart(consumer, tx, event_type, group[middle:], parking)


async def call(consumer: Consumer, tx: Transaction, event_type: type[Event], group: Sequence[Delivery]) -> None:
    """Pass the group to its handler.

    Transient errors and ``CannotContinue`` are raised as they are, all other errors as ``UnappliableEvent``.
    """
    try:
        await consumer.handlers[event_type]([d.event for d in group if d.event is not None], tx)
    except TRANSIENT_ERRORS:
        raise
    except CannotContinue:
        raise
    except Exception as error:
        log.warning("event_refused", consumer=tx.consumer, event_type=event_type.type, count=len(group), exc_info=True)
        raise UnappliableEvent(f"the handler failed: {_description(error)}") from error


def _description(error: Exception) -> str:
    """The type of the error, without its text, which may quote the event."""
    constraint = getattr(error, "constraint_name", None)
    return f"{type(error).__name__} ({constraint})" if constraint else type(error).__name__
