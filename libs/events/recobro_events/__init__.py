"""The event runtime: a fact is published if and only if its transaction commits, and is applied exactly once.

``Database`` and ``Transaction`` hold a service's rows and its outbox. ``Consumer`` names the service's handlers.
``Runtime`` runs relays and subscriptions over a ``Transport``, which is in ``recobro_events.kafka``,
``recobro_events.postgres`` or ``recobro_events.memory``.
"""

from recobro_events._applying.waves import cut_into_waves
from recobro_events._backoff import Backoff
from recobro_events._consumer import Consumer, Handler
from recobro_events._database.database import SESSION_SETTINGS, Database
from recobro_events._database.steps import ATTEMPTS, step
from recobro_events._database.transaction import Note, Row, Transaction, sorted_unique
from recobro_events._errors import (
    TRANSIENT_ERRORS,
    CannotContinue,
    EventsError,
    EventTooLarge,
    LogReplaced,
    OwnershipLost,
    PositionLost,
    RecordRefused,
    TooManySetAside,
    TopicPartition,
    TransportError,
    UnappliableEvent,
)
from recobro_events._ids import caused_event_id, new_event_id
from recobro_events._limits import MAX_EVENT_BYTES, MAX_RECORD_BYTES
from recobro_events._log.envelope import AUDIENCE, envelope_of, headers_of
from recobro_events._log.transport import Bounds, GroupMember, Listener, OutgoingRecord, Record, Transport
from recobro_events._outbox.relay import FROZEN_AFTER_SECONDS, Relay
from recobro_events._runtime.housekeeping import COUNTED_ROWS
from recobro_events._runtime.runtime import Runtime
from recobro_events._runtime.tasks import Tasks
from recobro_events._subscription.subscription import Subscription
from recobro_events._tasks import beside, end
from recobro_events.contracts.base import (
    EVERYONE,
    REGISTRY,
    SERVICE_LANES,
    ContractEvent,
    Currency,
    Envelope,
    Event,
    Lane,
    Money,
    MoneyTotal,
    Part,
    Percent,
    bulk_sources,
)
from recobro_events.rebuilding import Source

__all__ = [
    "ATTEMPTS",
    "AUDIENCE",
    "COUNTED_ROWS",
    "EVERYONE",
    "FROZEN_AFTER_SECONDS",
    "MAX_EVENT_BYTES",
    "MAX_RECORD_BYTES",
    "REGISTRY",
    "SERVICE_LANES",
    "SESSION_SETTINGS",
    "TRANSIENT_ERRORS",
    "Backoff",
    "Bounds",
    "CannotContinue",
    "Consumer",
    "ContractEvent",
    "Currency",
    "Database",
    "Envelope",
    "Event",
    "EventTooLarge",
    "EventsError",
    "GroupMember",
    "Handler",
    "Lane",
    "Listener",
    "LogReplaced",
    "Money",
    "MoneyTotal",
    "Note",
    "OutgoingRecord",
    "OwnershipLost",
    "Part",
    "Percent",
    "PositionLost",
    "Record",
    "RecordRefused",
    "Relay",
    "Row",
    "Runtime",
    "Source",
    "Subscription",
    "Tasks",
    "TooManySetAside",
    "TopicPartition",
    "Transaction",
    "Transport",
    "TransportError",
    "UnappliableEvent",
    "beside",
    "bulk_sources",
    "caused_event_id",
    "cut_into_waves",
    "end",
    "envelope_of",
    "headers_of",
    "new_event_id",
    "sorted_unique",
    "step",
]
