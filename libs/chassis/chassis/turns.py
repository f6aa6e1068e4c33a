"""The turn of a request: admission within its caller's limits, a place to work, and its end.

What exceeds the rate by little waits. What exceeds it by more is refused, and refusals of one caller leave one after
the other, so that a flood of requests becomes as slow as its refusals. A request that waits here holds no thread and no
database connection.
"""

from asyncio import sleep
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import cast

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import metrics
from chassis.limits import Limiter, Policy, RouteClass, TooMany, Usage
from chassis.principals import Principal
from chassis.problems import Unavailable

ENTRY_SECONDS = 2.0
"""How long a request waits for a place: as long as it would wait for a connection."""
PIECE_BYTES = 64 * 1024
PAUSED = "paused_seconds"
"""In a request's state: for how many seconds it was held back because its caller asks too much."""
_TURN = "chassis.turn"


class Turn:
    """A request within its caller's limits. It has a place from ``work`` to ``rest``, and is open until ``end``."""

    __slots__ = ("_caller", "_open", "_policy", "_usage", "is_working", "keeps_its_place")

    def __init__(self, caller: str, policy: Policy, usage: Usage) -> None:
        self._caller = caller
        self._policy = policy
        self._usage = usage
        self._open = False
        self.is_working = False
        self.keeps_its_place = policy.name is RouteClass.TRANSFER
        """Whether the request has its place from the first byte of its body to the last of its answer."""

    async def begin(self, scope: Scope) -> None:
        """Wait until the request keeps to the rate. Raises ``TooMany``."""
        try:
            pause_seconds = self._usage.begin(self._policy)
        except TooMany as refusal:
            metrics.REFUSED.labels(refusal.reason).inc()
            await _hold_refusal(scope, self._usage)
            raise
        self._open = True
        await _pause(scope, pause_seconds)

    async def work(self) -> None:
        """Wait for a place, unless the request has one.

        Raises ``TooMany`` if it waits for the caller's own requests alone, else ``Unavailable``.
        """
        gate = self._policy.gate
        if self.is_working:
            return
        if await gate.enter(self._caller, ENTRY_SECONDS):
            self.is_working = True
        elif gate.holds_back(self._caller):
            metrics.REFUSED.labels("at_once").inc()
            raise TooMany("at_once", f"{self._policy.limit.at_once} of your requests of this kind work at once.", 1)
        else:
            metrics.REFUSED.labels("all_at_once").inc()
            raise Unavailable("Other requests have every place. Try again.")

    def rest(self) -> None:
        """Leave the place, unless the request keeps it."""
        if self.is_working and not self.keeps_its_place:
            self._leave()

    def end(self) -> None:
        if self.is_working:
            self._leave()
        if self._open:
            self._open = False
            self._usage.open -= 1

    def _leave(self) -> None:
        self.is_working = False
        self._policy.gate.leave(self._caller)

    def count_bytes(self, length: int) -> None:
        self._usage.bytes += length

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-policy", self._policy.header),
            (b"ratelimit", self._usage.header(self._policy).encode()),
        ]


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


async def begin_turn(request: Request, principal: Principal, route_class: RouteClass) -> Turn:
    """Admit the request, and return its turn, which the middleware ends. Raises ``TooMany``."""
    turn = request.scope[_TURN] = Turn(*_limiter_of(request).of_principal(principal, route_class))
    await turn.begin(request.scope)
    _current.set(turn)
    return turn


async def admit_anybody(request: Request) -> None:
    """A dependency of the routes that are open to everyone: it admits so many requests of an address."""
    turn = request.scope[_TURN] = Turn(*_limiter_of(request).of_address(_address_of(request.scope)))
    await turn.begin(request.scope)


async def begin_turn_of_address(request: Request, limiter: Limiter, address: str) -> Turn:
    """Admit a request of this address by the limits of ``limiter``, and return its turn. Raises ``TooMany``."""
    turn = request.scope[_TURN] = Turn(*limiter.of_address(address))
    await turn.begin(request.scope)
    return turn


async def _hold_refusal(scope: Scope, usage: Usage) -> None:
    """Wait as long as a refusal of the caller has to."""
    pause_seconds = usage.refuse()
    usage.held += 1
    try:
        await _pause(scope, pause_seconds)
    finally:
        usage.held -= 1


async def _pause(scope: Scope, seconds: float) -> None:
    """Wait, and note how long. The request's caller is the reason for this, not a slow service."""
    if seconds > 0:
        scope["state"][PAUSED] = scope["state"].get(PAUSED, 0.0) + seconds
        await sleep(seconds)


def _limiter_of(request: Request) -> Limiter:
    return cast(Limiter, request.app.state.limiter)


def _address_of(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


@asynccontextmanager
async def waiting() -> AsyncIterator[None]:
    """While the current request waits for news, it leaves its place to others. Then it takes a place again."""
    turn = _current.get()
    if turn is None or not turn.is_working:
        yield
        return
    turn.rest()
    yield
    await turn.work()


class EndTurns:
    """Middleware that ends the turn of each request and adds its headers to the answer.

    An answer to nobody known, such as that to a wrong token, is charged to its address. A long answer is handed over in
    pieces, so that its request lasts until the client has read nearly all of it.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def receive_counted() -> Message:
            message = await receive()
            if _TURN in scope:
                scope[_TURN].count_bytes(len(message.get("body", b"")))
            return message

        async def send_counted(message: Message) -> None:
            turn: Turn | None = scope.get(_TURN)
            if message["type"] != "http.response.start":
                if turn is not None:
                    turn.count_bytes(len(message.get("body", b"")))
                await _send_in_pieces(message, send)
                return
            if turn is None:
                await self._charge_address(scope)
            else:
                message["headers"] += turn.headers()
            await send(message)

        try:
            await self._app(scope, receive_counted, send_counted)
        finally:
            if _TURN in scope:
                scope[_TURN].end()

    async def _charge_address(self, scope: Scope) -> None:
        _, policy, usage = self._limiter.of_address(_address_of(scope))
        if not usage.spend(policy):
            metrics.REFUSED.labels("unknown_caller").inc()
            await _hold_refusal(scope, usage)


async def _send_in_pieces(message: Message, send: Send) -> None:
    body, start = message.get("body", b""), 0
    while len(body) - start > PIECE_BYTES:
        await send({**message, "body": body[start : start + PIECE_BYTES], "more_body": True})
        start += PIECE_BYTES
    await send({**message, "body": body[start:]} if start else message)
