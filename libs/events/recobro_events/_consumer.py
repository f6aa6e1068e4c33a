"""The handlers of a service for the events that it listens to, registered in one place."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, overload

from recobro_events._database.transaction import Transaction
from recobro_events.contracts.base import REGISTRY, SERVICE_LANES, Event, Lane, bulk_sources

E = TypeVar("E", bound=Event)
E2 = TypeVar("E2", bound=Event)
Handler = Callable[[Sequence[E], Transaction], Awaitable[None]]
First = Callable[[Transaction], Awaitable[None]]
LockRows = Callable[[Transaction, Sequence[Event]], Awaitable[None]]
Last = Callable[[Transaction], Awaitable[None]]
RUNTIME = "runtime"
"""The first part of the types that the runtime of every service publishes."""


class Consumer:
    """The handlers of one service, for both lanes.

    A batch is one transaction. Its steps run in this order: ``first``, the positions, the inbox, ``lock_rows`` with the
    new events, the handlers wave by wave, ``last``. A handler receives a list in which no key appears twice; the keys
    are in no particular order. An exception in any step rolls the whole batch back.
    """

    def __init__(self, service: str, listens_to: Sequence[str], *, platform: Sequence[str] = ()) -> None:
        """``listens_to``: the services whose facts this consumer handles.

        ``platform``: the services whose barriers it answers, besides those in ``listens_to``.
        """
        self.service = service
        self.listens_to = tuple(listens_to)
        self.reads_from = tuple(sorted({*listens_to, *platform} - {service}))
        self.handlers: dict[type[Event], Handler[Any]] = {}
        self.paced: frozenset[type[Event]] = frozenset()
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
        """Apply events of these types with the decorated handler; each list that the handler receives has one type.

        Raises ``ValueError`` if a type has a handler already, or if its events would never arrive here. Raises
        ``TypeError`` if the handler is not an async function of the events and the transaction.
        """

        def register(handler: Handler[Any]) -> Handler[Any]:
            self._check_signature(handler, "the events and the transaction", 2)
            for event_type in event_types:
                self._check_that_it_arrives(event_type)
                if event_type in self.handlers:
                    raise ValueError(f"{self.service} handles {event_type.__name__} twice")
                self.handlers[event_type] = handler
            return handler

        return register

    def pace(self, *event_types: type[Event]) -> None:
        """Let events of these types wait up to 0.1 s, so that one transaction applies several of them.

        Any other event that is handled, and a marker of the runtime, ends the wait. Only events whose effects neither
        silence a contract nor end a silence may wait. Raises ``ValueError`` if one of these types has no handler.
        """
        if missing := [event_type.__name__ for event_type in event_types if event_type not in self.handlers]:
            raise ValueError(f"{self.service} paces {', '.join(missing)} but has no handler for it")
        self.paced |= frozenset(event_types)

    def first(self, hook: First) -> First:
        """Run the decorated hook first in every batch. A service that has its own advisory lock takes it there."""
        self._check_signature(hook, "the transaction", 1)
        self.first_hook = hook
        return hook

    def lock_rows(self, hook: LockRows) -> LockRows:
        """Run the decorated hook before any handler. The hook locks the rows of the events' keys, sorted."""
        self._check_signature(hook, "the transaction and the events", 2)
        self.lock_hook = hook
        return hook

    def last(self, hook: Last) -> Last:
        """Run the decorated hook after the last wave. The hook changes rows that several keys share, in key order."""
        self._check_signature(hook, "the transaction", 1)
        self.last_hook = hook
        return hook

    def topics(self, lane: Lane) -> list[str]:
        """The topics that this consumer reads on a lane: those of ``listens_to``, and on ``events`` of ``platform``."""
        return [f"{source}.{lane}" for source in self.reads_from if lane in self.lanes_of(source)]

    def lanes_of(self, source: str) -> tuple[Lane, ...]:
        """The lanes of ``source`` that this consumer reads."""
        return lanes_read(source, listened_to=source in self.listens_to)

    def check_sources(self) -> None:
        """Raises ``ValueError`` if no event type of a service in ``listens_to`` is known, so that none would arrive."""
        known = {event_type.partition(".")[0] for event_type in REGISTRY}
        if unknown := [source for source in self.listens_to if source not in known]:
            raise ValueError(
                f"{self.service} listens to {', '.join(unknown)}, but no known event type begins with that name."
                f" Known names: {', '.join(sorted(known))}. Correct the name, or import the module with its contracts"
            )

    def _check_that_it_arrives(self, event_type: type[Event]) -> None:
        name = getattr(event_type, "type", None)
        if name is None:
            raise ValueError(f"{self.service} cannot handle {event_type.__name__}: the class has no event type")
        source = name.partition(".")[0]
        if event_type.lane not in SERVICE_LANES:
            raise ValueError(f"{self.service} cannot handle {name}: services do not listen to lane {event_type.lane}")
        if source not in (*self.listens_to, RUNTIME):
            raise ValueError(
                f"{self.service} handles {name} but does not listen to {source}, only to"
                f" {', '.join(self.listens_to) or 'nobody'}: add {source} to listens_to"
            )

    def _check_signature(self, function: Callable[..., Any], takes: str, parameters: int) -> None:
        name = getattr(function, "__qualname__", repr(function))
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{self.service} cannot call {name}: it must be an async function")
        try:
            inspect.signature(function).bind(*range(parameters))
        except TypeError as error:
            raise TypeError(f"{self.service} cannot call {name}: it must take {takes}; {error}") from error


def lanes_read(source: str, *, listened_to: bool) -> tuple[Lane, ...]:
    """The lanes of ``source`` that a service reads: ``events``, and ``bulk`` if it listens to a source that has it."""
    return SERVICE_LANES if listened_to and source in bulk_sources() else (Lane.EVENTS,)
