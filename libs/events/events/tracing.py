"""W3C Trace Context: the trace that the current task works for, and the one that each event belongs to."""

import os
import re
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    return _current.get()


def follow_trace(traceparent: str | None) -> str:
    """Continue the trace of ``traceparent`` with a new span, or start a trace; what is published then carries it."""
    new = continued(traceparent)
    _current.set(new)
    return new


def continued(traceparent: str | None) -> str:
    """A new span of the trace of ``traceparent``; of a new trace where it names none."""
    known = traceparent is not None and _TRACEPARENT.fullmatch(traceparent)
    trace_id = traceparent[3:35] if known and traceparent is not None else os.urandom(16).hex()
    return f"00-{trace_id}-{os.urandom(8).hex()}-01"
