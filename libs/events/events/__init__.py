"""The event runtime: a fact is published if and only if it committed, and applied exactly once.

``Database`` and ``Transaction`` hold a service's rows and its outbox, ``Consumer`` names its handlers, ``Runtime`` runs
relays and subscriptions over a ``Transport``: ``events.kafka``, ``events.postgres`` or ``events.memory``.
"""

from events.consumer import Consumer
from events.contracts.base import ContractEvent, Envelope, Event, Lane, Money
from events.database import PASSING_TROUBLE, Database, Row, Transaction, sorted_unique
from events.errors import (
    CannotContinue,
    EventsError,
    LogReplaced,
    OwnershipLost,
    PositionLost,
    TooManySetAside,
    TopicPartition,
    TransportError,
    UnappliableEvent,
)
from events.relay import Relay
from events.runtime import Runtime
from events.subscription import Subscription
from events.transport import Transport

__all__ = [
    "PASSING_TROUBLE",
    "CannotContinue",
    "Consumer",
    "ContractEvent",
    "Database",
    "Envelope",
    "Event",
    "EventsError",
    "Lane",
    "LogReplaced",
    "Money",
    "OwnershipLost",
    "PositionLost",
    "Relay",
    "Row",
    "Runtime",
    "Subscription",
    "TooManySetAside",
    "TopicPartition",
    "Transaction",
    "Transport",
    "TransportError",
    "UnappliableEvent",
    "sorted_unique",
]
