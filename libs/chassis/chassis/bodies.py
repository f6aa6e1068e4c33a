"""Request bodies: their maximum length, and strict JSON."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import strict_json
from chassis.problems import Problem

DEFAULT_MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
READ_TIMEOUT_SECONDS = 30.0
_ALLOWANCE = "chassis.body_allowance"
_JSON = re.compile(r"application/([a-z0-9.-]+\+)?json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BodyRule:
    """Marks a route with the body that it takes."""

    max_bytes: int = DEFAULT_MAX_BYTES
    streamed: bool = False

    async def __call__(self) -> None:
        """Does nothing: the route reads the marker before it reads the body."""


def body_limit(max_bytes: int) -> Any:
    """For ``dependencies=[…]`` of a route whose body may be longer (or must be shorter) than 1 MiB."""
    return Depends(BodyRule(max_bytes))


def streamed_body(max_bytes: int) -> Any:
    """For ``dependencies=[…]`` of a route that reads ``request.stream()`` itself, up to ``max_bytes``."""
    return Depends(BodyRule(max_bytes, streamed=True))


@dataclass(slots=True)
class _Allowance:
    max_bytes: int


class LimitBodies:
    """Middleware that counts a body as it arrives. It answers 413 if the body is longer than its route allows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The route is not known yet; it sets its own limit before it reads.
        allowance = scope[_ALLOWANCE] = _Allowance(DEFAULT_MAX_BYTES)
        declared = Headers(scope=scope).get("content-length", "0")
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if declared.isdecimal() and int(declared) > allowance.max_bytes:
                raise _too_long(allowance.max_bytes)
            message = await receive()
            received += len(message.get("body", b""))
            if received > allowance.max_bytes:
                raise _too_long(allowance.max_bytes)
            return message

        await self._app(scope, receive_within_limit, send)


def allow_body(scope: Scope, max_bytes: int) -> None:
    """Let the body of this request have at most ``max_bytes``."""
    scope[_ALLOWANCE].max_bytes = max_bytes


def _too_long(max_bytes: int) -> Problem:
    return Problem(f"The body may have {max_bytes} bytes.", status=413, code="body-too-long")


class ServiceRequest(Request):
    """A request whose body is read under its route's rule, and whose JSON is parsed strictly."""

    _strict_json: Any = None

    async def read(self, rule: BodyRule, *, takes_json: bool) -> None:
        """Read the body. Raises a problem with 408, 413, 415 or 400 if the route does not take it."""
        self.scope[_ALLOWANCE].max_bytes = rule.max_bytes
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise Problem("Send the body as it is, without Content-Encoding.", status=415, code="unsupported-encoding")
        if rule.streamed:
            return
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                body = await self.body()
        except TimeoutError:
            raise Problem("The body did not arrive in time.", status=408, code="body-too-slow") from None
        if takes_json and body:
            media_type = self.headers.get("content-type", "").partition(";")[0].strip()
            if not _JSON.fullmatch(media_type):
                raise Problem("Send Content-Type: application/json.", status=415, code="unsupported-media-type")
            self._strict_json = parse_json(body)

    async def json(self) -> Any:
        return self._strict_json

    async def content(self) -> bytes:
        """Return the body. Of JSON return its value as one text, whatever its order of members and its spaces are."""
        return await self.body() if self._strict_json is None else strict_json.canonical(self._strict_json)


def parse_json(body: bytes) -> Any:
    """Parse ``body`` as I-JSON (RFC 7493): UTF-8, finite numbers, no name twice in an object, at most 32 levels deep.

    Raises a 400 if it is not.
    """
    try:
        return strict_json.loads(body, max_depth=MAX_DEPTH)
    except strict_json.NotStrict as error:
        raise _malformed(f"The body is not JSON that we accept: {error}.") from None


def _malformed(detail: str) -> Problem:
    return Problem(detail, status=400, code="malformed-json")
