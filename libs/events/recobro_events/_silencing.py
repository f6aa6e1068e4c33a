"""While an event of a contract is set aside or unsent, its true state is not known, and the contract is silent.

``ContractSetAside`` states to all services that this begins, and ``ContractReplayed`` that it ends. The service that
publishes these events applies them too.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from recobro_events._consumer import Consumer
from recobro_events._database.transaction import Transaction
from recobro_events._ids import caused_event_id
from recobro_events.contracts.base import REGISTRY, ContractEvent, Envelope
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

Statement = type[ContractSetAside] | type[ContractReplayed]
STATEMENTS: tuple[str, ...] = (ContractSetAside.type, ContractReplayed.type)
"""These types never wait behind other events: they do not depend on the contract's own facts."""


def contract_of(event_type: str | None, key: str) -> UUID | None:
    """The contract that an event is about; None if it is about something else.

    An event of an unknown type counts if its key is a UUID, because an unneeded silence does no harm.
    """
    known = REGISTRY.get(event_type or "")
    if known is not None and not issubclass(known, ContractEvent):
        return None
    try:
        return UUID(key)
    except ValueError:
        return None


def stated(
    event_type: Statement, contract_id: UUID, *, source: str, service: str, consumer: str, cause: UUID
) -> ContractSetAside | ContractReplayed:
    """The event as other services receive it from ``source``; the event's id is made from ``cause``."""
    event = event_type(contract_id=contract_id, service=service, consumer=consumer)
    event_id = caused_event_id(cause, consumer, event_type.type, event.key, 0)
    envelope = Envelope(
        event_id=event_id, type=event_type.type, source=source, occurred_at=datetime.now(UTC), key=event.key
    )
    return event_type.received(event.body(), envelope)


async def publish_for_contracts(
    tx: Transaction, consumer: Consumer, event_type: Statement, causes: Mapping[UUID, UUID], name: str
) -> None:
    """Publish an event of this type for each contract, and pass the events to this service's own handler.

    ``causes`` has the id of the causing event by contract. ``name`` is the consumer that the events name.
    """
    events = []
    for contract_id, cause in sorted(causes.items()):
        tx.publish(event_type(contract_id=contract_id, service=consumer.service, consumer=name), cause=cause)
        service = consumer.service
        events.append(stated(event_type, contract_id, source=service, service=service, consumer=name, cause=cause))
    await apply_here(tx, consumer, events)


async def apply_here(
    tx: Transaction, consumer: Consumer | None, events: Sequence[ContractSetAside | ContractReplayed]
) -> None:
    """Pass these events, which are of one type, to this service's own handler, if it has one."""
    own = consumer.handlers.get(type(events[0])) if consumer is not None and events else None
    if own is not None:
        await own(events, tx)


@asynccontextmanager
async def hooks(
    tx: Transaction, consumer: Consumer | None, about: Sequence[ContractSetAside | ContractReplayed]
) -> AsyncIterator[None]:
    """Take the locks of a batch with these events before the block, and call the ``last`` hook after the block.

    Without events nothing has to be locked.
    """
    if consumer is None or not about:
        yield
        return
    if consumer.first_hook is not None:
        await consumer.first_hook(tx)
    if consumer.lock_hook is not None:
        await consumer.lock_hook(tx, about)
    yield
    if consumer.last_hook is not None:
        await consumer.last_hook(tx)
