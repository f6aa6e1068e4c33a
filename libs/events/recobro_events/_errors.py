"""The errors of the runtime.

EventsError
├── TransportError            the log cannot be reached or refuses for now: retried for ever
│   └── MembershipLost        this member of a group cannot recover: a new member joins in its place
├── CannotContinue            a retry cannot help: the consumer stops, unless an UnappliableEvent is set aside
│   ├── LogReplaced           the log is not the one to which the position belongs
│   ├── PositionLost          the log no longer holds the next record, or was never read from its start
│   ├── UnappliableEvent      an event cannot be decoded, or its handler refuses it: the event is set aside
│   └── TooManySetAside       events of so many keys were set aside or unsent that the events are not at fault
├── OwnershipLost             another member has claimed the partition: the batch rolls back, without harm
├── EventTooLarge             an event is larger than an outbox takes: its transaction writes nothing
└── RecordRefused             the log can never take a record: its event is unsent

``dead_letters`` and ``unsent`` add ``LetterUnknown``, ``KeyNotParked`` and ``UnsentUnknown``, which are EventsErrors.
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
    """The record before this consumer's position in ``place`` is not the record that the consumer has read there."""

    def __init__(self, place: TopicPartition, offset: int) -> None:
        super().__init__(f"{place}: the record at {offset} is not the one that was applied: the log was replaced")
        self.place = place


class PositionLost(CannotContinue):
    """The log does not hold the next record of this consumer."""


class UnappliableEvent(CannotContinue):
    """An event that this consumer can never apply."""


class TooManySetAside(CannotContinue):
    """Events of so many keys cannot be applied, or sent, that the consumer or the log is at fault, not the events."""


class OwnershipLost(EventsError):
    """Another member has claimed these partitions meanwhile."""

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        super().__init__(f"another member has claimed {sorted(partitions)}")
        self.partitions = frozenset(partitions)


class EventTooLarge(EventsError):
    """An event is larger than ``MAX_EVENT_BYTES``. The message has its type, key and size, and nothing of its content.

    An outbox also refuses such an event when an SQL statement inserts it. PostgreSQL then raises
    ``ProgramLimitExceededError`` with the same message and the constraint name ``event_size``.
    """


class RecordRefused(EventsError):
    """The log can never take one of these records; the message has nothing of the record's content."""


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
    # This process had been frozen; the server has become a standby; the server cannot read its disk.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    ConnectionError,
    TimeoutError,
    OSError,
    TransportError,
)
"""Errors of the database or the log that do not come from the work itself; a retry may help."""
