"""Bounds on connections: how many there are, and how long a request may take to arrive and its answer to be read.

uvicorn bounds only the pause between two requests.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chassis import metrics
from chassis.problems import Problem
from chassis.security_headers import add_security_headers

MAX_HEAD_BYTES = 64 * 1024
_CHUNK_HEAD_BYTES = 32


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds of one process.

    ``all`` and ``per_address`` count open connections. A request's head must arrive in ``head_seconds``. Of its body,
    ``body_bytes_per_window`` must arrive in each ``body_window_seconds``. A client must read a part of a long answer
    within ``answer_seconds``.
    """

    all: int = 800
    per_address: int = 256
    head_seconds: float = 10.0
    body_window_seconds: float = 30.0
    body_bytes_per_window: int = 30_000
    answer_seconds: float = 60.0


@dataclass(slots=True)
class Connections:
    """The open connections of a server, by address."""

    limits: ConnectionLimits
    by_address: Counter[str] = field(default_factory=Counter)


class _Awaited(Enum):
    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class BoundedProtocol(HttpToolsProtocol):
    """A connection that ends when its client is too slow, sends a head without end, or has too many others."""

    def __init__(self, open_connections: Connections, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._open = open_connections
        self._limits = open_connections.limits
        self._address = ""
        self._awaited = _Awaited.HEAD
        self._timer: Any = None
        self._timed: _Awaited = _Awaited.NOTHING
        self._answer_timer: Any = None
        self._head_bytes = 0
        self._body_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._open.by_address[self._address] += 1
        count = self._open.by_address[self._address]
        if len(self.connections) > self._limits.all or count > 2 * self._limits.per_address:
            self._abort("too_many_connections")
        elif count > self._limits.per_address:
            metrics.REFUSED.labels("too_many_connections").inc()
            self.app = _answer_too_many
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.by_address[self._address] -= 1
        if not self._open.by_address[self._address]:
            del self._open.by_address[self._address]
        self._awaited = _Awaited.NOTHING
        self._watch()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._awaited is _Awaited.NOTHING:
            self._awaited = _Awaited.HEAD
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._head_bytes = max(self._head_bytes, 0)
        if self._head_bytes > MAX_HEAD_BYTES:
            detail = f"The head may have {MAX_HEAD_BYTES} bytes."
            self._refuse("head_too_long", Problem(detail, status=431, code="head-too-long"))
        elif self._awaited is not self._timed:
            self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = _Awaited.HEAD

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._awaited = _Awaited.BODY

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._body_bytes += len(body)
        # What is no body counts as head: also chunk extensions and trailers, which have no bound of their own.
        self._head_bytes -= len(body) + _CHUNK_HEAD_BYTES

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._awaited = _Awaited.NOTHING
        self._head_bytes = 0

    def _watch(self) -> None:
        """Start the timer of what is awaited now, and stop the one before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed = self._awaited
        if self._awaited is _Awaited.HEAD:
            self._timer = self.loop.call_later(self._limits.head_seconds, self._on_slow_head)
        elif self._awaited is _Awaited.BODY:
            self._body_bytes = 0
            self._timer = self.loop.call_later(self._limits.body_window_seconds, self._on_body_window)

    def _on_slow_head(self) -> None:
        if self._head_bytes:
            self._refuse("slow_head", Problem("The request did not arrive in time.", status=408, code="head-too-slow"))
        else:
            self.transport.abort()

    def _on_body_window(self) -> None:
        # While reading is paused, it is the service that is slow.
        if self._body_bytes >= self._limits.body_bytes_per_window or self.flow.read_paused:
            self._watch()
        else:
            self._refuse("slow_body", Problem("The body did not arrive in time.", status=408, code="body-too-slow"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._limits.answer_seconds, self._abort, "slow_reader")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def timeout_keep_alive_handler(self) -> None:
        # Closing would wait until the client has read the last answer.
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        self._refuse("malformed", Problem(msg, status=400, code="malformed-http"))

    def _refuse(self, reason: str, problem: Problem) -> None:
        """End the connection, with an answer where the client takes it for that of this request."""
        if not self._may_answer():
            self._abort(reason)
            return
        metrics.REFUSED.labels(reason).inc()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = problem.response()
        start: Message = {"headers": [*answer.raw_headers, (b"connection", b"close")]}
        add_security_headers(start)
        head = b"".join(b"%b: %b\r\n" % header for header in start["headers"])
        self.transport.write(STATUS_LINE[problem.status] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()

    def _may_answer(self) -> bool:
        if self.pipeline:
            return False
        if self._awaited is _Awaited.BODY:
            return not self.cycle.response_started
        return self.cycle is None or self.cycle.response_complete

    def _abort(self, reason: str) -> None:
        metrics.REFUSED.labels(reason).inc()
        self.transport.abort()


async def _answer_too_many(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem("Your address has too many connections.", status=503, code="too-many-connections")
    problem.headers = {"Retry-After": "1", "Connection": "close"}

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            add_security_headers(message)
        await send(message)

    await problem.response()(scope, receive, send_with_headers)


def protocol_of(limits: ConnectionLimits) -> Callable[..., BoundedProtocol]:
    """Return the protocol of a server with these limits, as uvicorn makes it for each connection."""
    open_connections = Connections(limits)

    def make(**of_uvicorn: Any) -> BoundedProtocol:
        return BoundedProtocol(open_connections, **of_uvicorn)

    return make
