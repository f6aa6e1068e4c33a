"""W3C Trace Context: the trace that the current task works for, and the trace that each event belongs to.

Events get trace ids whether or not spans are collected; ``export_to`` sets the function that collects them.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import NamedTuple

__all__ = [
    "Exporter",
    "Span",
    "current_traceparent",
    "export",
    "export_to",
    "follow_trace",
    "is_exported",
    "is_traceparent",
    "now_ns",
    "work_for",
]

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Span(NamedTuple):
    """A piece of work: ``own`` and ``parent`` are traceparents of one trace, times are nanoseconds since 1970.

    ``kind``: ``server`` for a request, ``producer`` for an event that was published, ``consumer`` for an event that was
    applied. ``attributes`` hold names of the platform and figures, never a person's name or debt.
    """

    name: str
    kind: str
    own: str
    parent: str | None
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int]
    failed: bool = False


Exporter = Callable[[Span], None]
_exporter: Exporter | None = None


def export_to(exporter: Exporter | None) -> None:
    """Pass every span of this process to ``exporter``, which must neither wait nor fail. None turns this off."""
    global _exporter
    _exporter = exporter


def is_exported() -> bool:
    """Whether spans are collected. Callers that would make many spans ask first."""
    return _exporter is not None


def export(span: Span) -> None:
    """Pass a span that has ended to the exporter, if there is one."""
    if _exporter is not None:
        _exporter(span)


def now_ns() -> int:
    return time.time_ns()


def current_traceparent() -> str | None:
    """The span of the current task, as a traceparent; None if the task has none."""
    return _current.get()


def work_for(traceparent: str | None) -> None:
    """Make this the span of the current task: events that the task publishes from now on belong to it."""
    _current.set(traceparent)


def follow_trace(traceparent: str | None) -> str:
    """Continue the trace of ``traceparent`` with a new span, or start a trace, and make it the current task's span."""
    new = continued(traceparent)
    _current.set(new)
    return new


def continued(traceparent: str | None) -> str:
    """A new span of the trace of ``traceparent``, or of a new trace if ``traceparent`` is None or invalid."""
    known = is_traceparent(traceparent)
    trace_id = traceparent[3:35] if known and traceparent is not None else os.urandom(16).hex()
    return f"00-{trace_id}-{os.urandom(8).hex()}-01"


def is_traceparent(text: str | None) -> bool:
    """Whether ``text`` is a traceparent: it names a trace and a span of that trace."""
    return text is not None and _TRACEPARENT.fullmatch(text) is not None
