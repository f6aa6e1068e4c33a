"""One batch of records, applied by one transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from pydantic import ValidationError

from events import barrier, inbox, metrics
from events.consumer import Consumer
from events.contracts.base import REGISTRY, Envelope, Event
from events.contracts.runtime import BarrierReached, BarrierRequested, Marker
from events.database import PASSING_TROUBLE, Transaction
from events.envelope import envelope_of
from events.errors import CannotContinue, UnappliableEvent
from events.tracing import follow_trace
from events.transport import Record
from events.waves import cut_into_waves

_MARKERS: tuple[type[Event], ...] = (BarrierRequested, BarrierReached)
log = structlog.get_logger()


class Applied(NamedTuple):
    """What a batch did: the events that were new, and whether a barrier of ours ended in it."""

    events: Sequence[Event]
    barrier_ended: bool


Wanted = Mapping[UUID, tuple[Envelope, bytes]]
"""Events of a batch, not yet decoded, by their ids."""


def handled(consumer: Consumer, name: str, records: Sequence[Record]) -> Wanted:
    """Those of ``records`` that the consumer ``name`` has a handler for; the rest needs no transaction."""
    wanted: dict[UUID, tuple[Envelope, bytes]] = {}
    for record in records:
        envelope = envelope_of(record.headers)
        event_type = REGISTRY.get(envelope.type)
        if event_type is None:
            metrics.EVENTS_UNKNOWN.labels(name).inc()
        elif event_type in consumer.handlers or event_type in _MARKERS:
            # The first copy counts: it stands where the fact belongs in the order of its key.
            wanted.setdefault(envelope.event_id, (envelope, record.value))
    return wanted


async def apply(tx: Transaction, consumer: Consumer, name: str, wanted: Wanted) -> Applied:
    """Apply those of ``wanted`` that the consumer ``name`` has not applied before.

    ``UnappliableEvent`` names an event that can never be applied; nothing of the batch may commit then.
    """
    fresh = await inbox.claim(tx, name, wanted) if wanted else set()
    metrics.EVENTS_REPEATED.labels(name).inc(len(wanted) - len(fresh))
    events = [_decode(envelope, body) for event_id, (envelope, body) in wanted.items() if event_id in fresh]
    markers = [event for event in events if isinstance(event, Marker)]
    facts = [event for event in events if not isinstance(event, Marker)]
    if facts:
        follow_trace(facts[0].envelope.traceparent)
        if consumer.lock_hook is not None:
            await consumer.lock_hook(tx, facts)
        for wave in cut_into_waves(facts):
            for event_type, group in wave.items():
                await _handle(consumer, tx, event_type, group)
    if facts and consumer.last_hook is not None:
        await consumer.last_hook(tx)
    # Last of all: what this batch publishes has to lie before the markers that it publishes.
    ended = await barrier.count(tx, consumer, markers) if markers else False
    return Applied(events, ended)


def _decode(envelope: Envelope, body: bytes) -> Event:
    try:
        event = REGISTRY[envelope.type].received(body, envelope)
    except ValidationError as error:
        places = ", ".join(
            ".".join(map(str, problem["loc"])) or "body" for problem in error.errors(include_input=False)
        )
        raise UnappliableEvent(f"event {envelope.event_id} of type {envelope.type} does not fit: {places}") from None
    if not isinstance(event, Marker) and event.key != envelope.key:
        raise UnappliableEvent(f"event {envelope.event_id} of type {envelope.type} came under another key than its own")
    return event


async def _handle(consumer: Consumer, tx: Transaction, event_type: type[Event], group: Sequence[Event]) -> None:
    try:
        await consumer.handlers[event_type](group, tx)
    except PASSING_TROUBLE:
        raise
    except CannotContinue:
        raise
    except Exception as error:
        ids = ", ".join(str(event.event_id) for event in group[:5])
        raise UnappliableEvent(
            f"{consumer.service} cannot apply {event_type.type} (one of {len(group)}: {ids}): {type(error).__name__}"
        ) from error
