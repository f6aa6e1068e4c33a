"""Observes every request: its id, its trace, one log line, its metrics, and an answer to every error."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import structlog
from recobro_events import SESSION_SETTINGS
from recobro_events.tracing import Span, export, follow_trace, is_traceparent, now_ns
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import metrics
from chassis.failures import problem_of
from chassis.security_headers import add_security_headers
from chassis.turns import PAUSED

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})
_log = structlog.get_logger(__name__)


@contextmanager
def _no_session_settings() -> Iterator[None]:
    """What a route sets for its request ends with the request: some servers run several in one task."""
    before = SESSION_SETTINGS.set({})
    try:
        yield
    finally:
        SESSION_SETTINGS.reset(before)


class Observe:
    """The outermost middleware. It answers every failure below it with a problem.

    Once an answer has begun, it cuts the connection instead, so that no client mistakes half an answer for a whole one.
    With ``pages`` the app sets the security headers of its pages itself.
    """

    def __init__(self, app: ASGIApp, *, pages: bool = False) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent_id = headers.get("x-request-id", "")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else str(uuid4())
        sent_trace = headers.get("traceparent")
        trace = follow_trace(sent_trace)
        parent = sent_trace if is_traceparent(sent_trace) else None
        scope.setdefault("state", {})["request_id"] = request_id
        with (
            _no_session_settings(),
            structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=trace[3:35]),
        ):
            await self._observed(scope, receive, send, request_id, trace, parent)

    async def _observed(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, trace: str, parent: str | None
    ) -> None:
        started, started_ns = time.perf_counter(), now_ns()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
                if not self._pages:
                    add_security_headers(message)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            _log.exception("request_failed")
            if status is not None:
                raise
            await problem_of(error).response()(scope, receive, send_with_id)
        finally:
            route = _report(scope, status, time.perf_counter() - started)
            if route not in _PROBES:
                name = f"{_method_of(scope)} {route}"
                attributes: dict[str, str | int] = {"http.route": route, "http.response.status_code": status or 0}
                failed = status is None or status >= 500
                export(Span(name, "server", trace, parent, started_ns, now_ns(), attributes, failed))


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _report(scope: Scope, status: int | None, seconds: float) -> str:
    """Count the request, write its log line and return its route."""
    route: str = getattr(scope.get("route"), "path_format", "unmatched")
    method = _method_of(scope)
    shown = "cut" if status is None else str(status)
    metrics.REQUESTS.labels(method, route, shown).inc()
    # A caller that asks too much is answered late on purpose, which does not make the service slow.
    metrics.REQUEST_SECONDS.labels(method, route).observe(max(0.0, seconds - scope["state"].get(PAUSED, 0.0)))
    polled = scope["state"].get("polled", False) and status is not None and status < 400
    if route not in _PROBES and not polled:
        _log.info("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))
    return route
