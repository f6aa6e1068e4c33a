"""W3C Trace Context: the trace that the current task works for, and the one that each event belongs to.

Ids are given whether or not anybody collects spans; ``export_to`` says who does.
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

    ``kind``: ``server`` for a request, ``producer`` for an event brought to the log, ``consumer`` for one applied.
    ``attributes`` hold names and figures, never what a person is called or owes.
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
    """Hand every span of this process to ``exporter``, which must neither wait nor fail; None: to nobody."""
    global _exporter
    _exporter = exporter


def is_exported() -> bool:
    """Whether anybody collects spans, for whoever would have to make many of them."""
    return _exporter is not None


def export(span: Span) -> None:
    """Hand over a span that has ended."""
    if _exporter is not None:
        _exporter(span)


def now_ns() -> int:
    return time.time_ns()


def current_traceparent() -> str | None:
    return _current.get()


def work_for(traceparent: str | None) -> None:
    """What is published from now on belongs to this span."""
    _current.set(traceparent)


def follow_trace(traceparent: str | None) -> str:
    """Continue the trace of ``traceparent`` with a new span, or start a trace; what is published then carries it."""
    new = continued(traceparent)
    _current.set(new)
    return new


def continued(traceparent: str | None) -> str:
    """A new span of the trace of ``traceparent``; of a new trace where it names none."""
    known = is_traceparent(traceparent)
    trace_id = traceparent[3:35] if known and traceparent is not None else os.urandom(16).hex()
    return f"00-{trace_id}-{os.urandom(8).hex()}-01"


def is_traceparent(text: str | None) -> bool:
    """Whether it names a trace and a span of it."""
    return text is not None and _TRACEPARENT.fullmatch(text) is not None
