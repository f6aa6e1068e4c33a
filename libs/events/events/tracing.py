"""W3C Trace Context: the trace that the current task works for."""

import os
import re
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    return _current.get()


def follow_trace(traceparent: str | None) -> str:
    """Continue the trace of ``traceparent`` with a new span, or start a trace; what is published then carries it."""
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        trace_id = traceparent[3:35]
    else:
        trace_id = os.urandom(16).hex()
    new = f"00-{trace_id}-{os.urandom(8).hex()}-01"
    _current.set(new)
    return new
