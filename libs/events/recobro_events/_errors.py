"""The errors of the runtime.

EventsError
├── TransportError            the log cannot be reached or refuses for now: retried for ever
│   └── MembershipLost        this member of a group cannot recover: a new member joins in its place
├── CannotContinue            retrying cannot help: the consumer stops, with a critical log entry
│   ├── LogReplaced           the log is not the one to which the position belongs
│   ├── PositionLost          the log no longer holds the next record, or was never read from its start
│   ├── UnappliableEvent      an event can never be applied, undecodable or refused by its handler: it is set aside
│   └── TooManySetAside       so many keys were parked that the consumer or the log is broken, not the events
├── OwnershipLost             another member has claimed the partition: the batch rolls back, without harm
├── EventTooLarge             an event is larger than an outbox takes: its transaction writes nothing
└── RecordRefused             the log can never take a record: the relay sets its event aside
"""

from collections.abc import Collection
from typing import NamedTuple

import asyncpg


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class EventsError(Exception):
    """Base of the runtime's errors."""


class TransportError(EventsError):
    """The log cannot be reached, or refuses for now; a retry may help."""


class MembershipLost(TransportError):
    """This member of a consumer group cannot recover; joining again may help."""


class CannotContinue(EventsError):
    """A retry cannot help; a person has to act."""


class LogReplaced(CannotContinue):
    """The record before this consumer's position in ``place`` is not the record that it has read there."""

    def __init__(self, place: TopicPartition, offset: int) -> None:
        super().__init__(f"{place}: the record at {offset} is not the one that was applied: the log was replaced")
        self.place = place


class PositionLost(CannotContinue):
    """The log does not hold the next record of this consumer."""


class UnappliableEvent(CannotContinue):
    """An event that this consumer can never apply."""


class TooManySetAside(CannotContinue):
    """Events of so many keys cannot be applied, or sent, that the consumer or the log must be broken."""


class OwnershipLost(EventsError):
    """Another member has claimed these partitions meanwhile."""

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        super().__init__(f"claimed by another member: {sorted(partitions)}")
        self.partitions = frozenset(partitions)


class EventTooLarge(EventsError):
    """An event is larger than ``MAX_EVENT_BYTES``. The message has its type, key and size, and nothing of its content.

    An outbox refuses such an event also from a statement. PostgreSQL then raises ``ProgramLimitExceededError`` with the
    same message and the constraint name ``event_size``.
    """


class RecordRefused(EventsError):
    """The log can never take one of these records; the message has nothing of its content."""


TRANSIENT_ERRORS: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # asyncpg raises this when the server has just ended the session.
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # The tables were migrated; the connection makes new plans.
    asyncpg.InvalidCachedStatementError,
    # In this order: this process had been frozen; a standby server has taken over; the disk cannot be read.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    ConnectionError,
    TimeoutError,
    OSError,
    TransportError,
)
"""Errors of the database or the log that do not come from the work itself; a retry may help."""
