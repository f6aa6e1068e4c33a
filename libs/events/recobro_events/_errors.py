"""What can go wrong in the runtime.

EventsError
├── TransportError            the log cannot be reached or refuses for now: retried for ever
│   └── MembershipLost        this member of a group will not go on by itself: another joins in its place
└── CannotContinue            retrying cannot help; the consumer stops, loudly
    ├── LogReplaced           the log is not the one that the position was taken in
    ├── PositionLost          the log no longer holds what comes next, or this consumer never started at its start
    ├── UnappliableEvent      an event can never be applied: undecodable, or its handler refuses it; it is set aside
    └── TooManySetAside       so many at once that the defect is ours, not the events'
OwnershipLost                 another member has claimed the partition: roll back, no harm done
"""

from collections.abc import Collection
from typing import NamedTuple

import asyncpg


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class EventsError(Exception):
    """Base of what the runtime raises."""


class TransportError(EventsError):
    """The log cannot be reached or refuses for now; trying again may help."""


class MembershipLost(TransportError):
    """This member of a consumer group is of no use any more; joining again may help."""


class CannotContinue(EventsError):
    """Trying again cannot help: a person has to look."""


class LogReplaced(CannotContinue):
    """The record before our position in ``place`` is not the one that we applied."""

    def __init__(self, place: TopicPartition, offset: int) -> None:
        super().__init__(f"{place}: the record at {offset} is not the one that was applied: the log was replaced")
        self.place = place


class PositionLost(CannotContinue):
    """The log does not hold the record that comes next for us."""


class UnappliableEvent(CannotContinue):
    """An event that this consumer can never apply."""


class TooManySetAside(CannotContinue):
    """Events of so many keys cannot be applied that this consumer is what is broken."""


class OwnershipLost(EventsError):
    """Another member has claimed these partitions since."""

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        super().__init__(f"claimed by another member: {sorted(partitions)}")
        self.partitions = frozenset(partitions)


PASSING_TROUBLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg makes of a session that the server has ended a moment ago.
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # Somebody has migrated the tables: the connection's plans are made anew.
    asyncpg.InvalidCachedStatementError,
    # This process had been frozen; the server is another one since a moment ago; its disk cannot be read.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    ConnectionError,
    TimeoutError,
    OSError,
    TransportError,
)
"""Errors of the database or the log that say nothing about the work itself: trying again may help."""
