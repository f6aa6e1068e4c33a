"""What a service does with the events that it listens to: its handlers, named in one place."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, overload

from recobro_events._database.transaction import Transaction
from recobro_events.contracts.base import SERVICE_LANES, Event, Lane, bulk_sources

E = TypeVar("E", bound=Event)
E2 = TypeVar("E2", bound=Event)
Handler = Callable[[Sequence[E], Transaction], Awaitable[None]]
First = Callable[[Transaction], Awaitable[None]]
LockRows = Callable[[Transaction, Sequence[Event]], Awaitable[None]]
Last = Callable[[Transaction], Awaitable[None]]


class Consumer:
    """The handlers of one service, for both lanes.

    A batch is one transaction. In it run, in this order: ``first``, the check of positions and the claim of the
    inbox, ``lock_rows`` with the new events, the handlers wave by wave, ``last``. A handler is given a list in which
    no key appears twice, in no particular order of keys. Whatever raises rolls the whole batch back.
    """

    def __init__(self, service: str, listens_to: Sequence[str], *, platform: Sequence[str] = ()) -> None:
        """``listens_to``: whose facts it handles. ``platform``: all services whose barriers it hears and answers."""
        self.service = service
        self.listens_to = tuple(listens_to)
        self.hears = tuple(sorted({*listens_to, *platform} - {service}))
        self.handlers: dict[type[Event], Handler[Any]] = {}
        self.first_hook: First | None = None
        self.lock_hook: LockRows | None = None
        self.last_hook: Last | None = None

    @overload
    def on(self, event_type: type[E], /) -> Callable[[Handler[E]], Handler[E]]: ...
    @overload
    def on(self, first: type[E], second: type[E2], /) -> Callable[[Handler[E | E2]], Handler[E | E2]]: ...
    @overload
    def on(self, /, *event_types: type[E]) -> Callable[[Handler[E]], Handler[E]]: ...
    def on(self, /, *event_types: type[Event]) -> Callable[[Handler[Any]], Handler[Any]]:
        """Apply events of these types with the decorated handler; a list holds events of one of them.

        ``ValueError`` when one of them has a handler already.
        """

        def register(handler: Handler[Any]) -> Handler[Any]:
            for event_type in event_types:
                if event_type in self.handlers:
                    raise ValueError(f"{self.service} handles {event_type.__name__} twice")
                self.handlers[event_type] = handler
            return handler

        return register

    def first(self, hook: First) -> First:
        """Run this as the first statement of every batch: a service's advisory lock."""
        self.first_hook = hook
        return hook

    def lock_rows(self, hook: LockRows) -> LockRows:
        """Lock the rows of these events' keys, sorted, before any handler runs."""
        self.lock_hook = hook
        return hook

    def last(self, hook: Last) -> Last:
        """Run this after the last wave: rows that the keys share are touched here, once, in key order."""
        self.last_hook = hook
        return hook

    def topics(self, lane: Lane) -> list[str]:
        """The topics of a lane: of whom it listens to, and the ``events`` of all others, for their barriers."""
        return [f"{source}.{lane}" for source in self.hears if lane in self.lanes_of(source)]

    def lanes_of(self, source: str) -> tuple[Lane, ...]:
        """The lanes on which it hears ``source``."""
        return lanes_heard(source, listened_to=source in self.listens_to)


def lanes_heard(source: str, *, listened_to: bool) -> tuple[Lane, ...]:
    """Who listens to a service hears all of its lanes, everyone else its ``events``; not all have bulk events."""
    return SERVICE_LANES if listened_to and source in bulk_sources() else (Lane.EVENTS,)
