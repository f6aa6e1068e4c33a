"""Finds the events that a service may publish because of an event that it applies. The code is read, not run.

The search starts at a handler and follows every function, class, constant and SQL statement that the code names. Each
event of the service that is named on the way counts as published. This may be too many, as where a branch excludes one.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from recobro.log_settings import program_of
from recobro_events import REGISTRY, Event
from recobro_platform import SERVICES, Service

Consequences = Mapping[str, Mapping[str, frozenset[str]]]
"""By service and by type of a handled event: the types that the service may publish because of it."""


@dataclass(frozen=True)
class Step:
    """A service applies an event of this type."""

    service: str
    applied: str


def consequences() -> Consequences:
    """Return the consequences of every service on the platform."""
    return {service.name: _consequences_of(service) for service in SERVICES}


def _consequences_of(service: Service) -> Mapping[str, frozenset[str]]:
    consumer = program_of(service).consumer
    always = [hook for hook in (consumer.first_hook, consumer.lock_hook, consumer.last_hook) if hook is not None]
    return {
        event.type: frozenset(_published([handler, *always], service)) for event, handler in consumer.handlers.items()
    }


def longest_chain(of: Consequences) -> list[Step]:
    """Return the longest chain of steps, each caused by the one before. ``AssertionError`` if events form a circle."""
    applied = sorted({event for handled in of.values() for event in handled})
    return max((_longest_from(event, of, ()) for event in applied), key=len)


def _longest_from(event: str, of: Consequences, before: tuple[str, ...]) -> list[Step]:
    assert event not in before, f"{event} leads to itself: {' → '.join(before)}"
    chains = []
    for service, handled in of.items():
        if event in handled:
            later = [_longest_from(published, of, (*before, event)) for published in sorted(handled[event])]
            chains.append([Step(service, event), *max(later, key=len, default=[])])
    return max(chains, key=len, default=[])


def _published(start: Iterable[Any], service: Service) -> Iterator[str]:
    seen: set[int] = set()
    left = list(start)
    while left:
        thing = left.pop()
        if isinstance(thing, str):
            yield from (name for name in _types_of(service) if name in thing)
        elif isinstance(thing, type) and issubclass(thing, Event):
            yield from (name for name in _types_of(service) if REGISTRY[name] is thing)
        elif id(thing) not in seen:
            seen.add(id(thing))
            left += _parts(thing, service)


def _types_of(service: Service) -> list[str]:
    return [name for name in REGISTRY if name.startswith(f"{service.name}.")]


def _parts(thing: Any, service: Service) -> Iterable[Any]:
    """Yield the service's own things that ``thing`` names."""
    match thing:
        case FunctionType():
            return _named_by(thing, service) if _is_own(thing.__module__, service) else ()
        case MethodType() | classmethod() | staticmethod():
            return (thing.__func__,)
        case property():
            return (thing.fget,)
        case functools.partial():
            return (thing.func, *thing.args, *thing.keywords.values())
        case dict():
            return (*thing, *thing.values())
        case list() | tuple() | set() | frozenset():
            return thing
        case type():
            return vars(thing).values() if _is_own(thing.__module__, service) else ()
        case _:
            return (type(thing),) if _is_own(type(thing).__module__, service) else ()


def _is_own(module: str, service: Service) -> bool:
    return module.split(".")[0] in (service.package, "projections")


def _named_by(function: FunctionType, service: Service) -> Iterator[Any]:
    yield getattr(function, "__wrapped__", None)
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        yield from (constant for constant in code.co_consts if isinstance(constant, str))
        named = [function.__globals__[name] for name in code.co_names if name in function.__globals__]
        for one in named:
            if not isinstance(one, ModuleType):
                yield one
            elif _is_own(one.__name__, service) or one.__name__.startswith("recobro_events.contracts"):
                # The names of a code object do not show which attribute belongs to which module.
                yield from (getattr(one, name) for name in code.co_names if hasattr(one, name))
