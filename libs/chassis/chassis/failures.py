"""Maps exceptions to problems, in one table."""

import errno
import re
from functools import cache
from http import HTTPStatus

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from recobro_events import MAX_EVENT_BYTES, TRANSIENT_ERRORS, EventTooLarge
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import compile_path

from chassis.mistakes import field_errors
from chassis.problems import Invalid, Problem, Unavailable
from chassis.spoken import in_language_of

_log = structlog.get_logger(__name__)
DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The base classes of all errors of the driver."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNSTORABLE = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.StringDataRightTruncationError,
    asyncpg.InvalidTextRepresentationError,
    asyncpg.InvalidDatetimeFormatError,
    asyncpg.DatetimeFieldOverflowError,
)
"""The database refused a value. Other data errors, such as a division by zero, are our own mistakes."""
_UNAVAILABLE = tuple(error for error in TRANSIENT_ERRORS if error is not OSError)
_CODES = {
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-long",
    415: "unsupported-media-type",
}


def problem_of(error: Exception) -> Problem:
    """Return the problem for an exception. It is a 500 if the exception is our own mistake."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return Invalid("The request has missing or wrong fields.", errors=field_errors(error.errors()))
    if isinstance(error, HTTPException):
        return _of_the_framework(error)
    if isinstance(error, ClientDisconnect):
        return Problem("The request ended before its body was complete.", status=400, code="disconnected")
    if isinstance(error, _UNSTORABLE) or _refused_argument(error):
        return Invalid("A value cannot be stored. It is too large, too long, or has characters that are not text.")
    if _makes_event_too_large(error):
        limit = f"{MAX_EVENT_BYTES:,} bytes"
        return Problem(
            f"The change would make a message to the other services larger than {limit}. Divide or shorten it.",
            status=422,
            code="event-too-large",
        )
    if isinstance(error, _UNAVAILABLE) or (isinstance(error, OSError) and error.errno in _DISK_FULL):
        return Unavailable()
    return Problem("The service failed. Its log has the failure under the request's id.", status=500, code="internal")


def _makes_event_too_large(error: Exception) -> bool:
    """Whether an outbox has refused an event, in Python or in a statement."""
    return isinstance(error, EventTooLarge) or getattr(error, "constraint_name", None) == "event_size"


def _refused_argument(error: Exception) -> bool:
    """Whether the driver refused an argument because of its value. A wrong type is our own mistake."""
    return isinstance(error, asyncpg.DataError) and isinstance(error.__cause__, ValueError | ArithmeticError)


def _of_the_framework(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code, phrase.lower().replace(" ", "-"))
    problem = Problem(f"{phrase}.", status=error.status_code, code=code)
    if error.headers:
        problem.headers = dict(error.headers)
    return problem


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if isinstance(error, HTTPException) and error.status_code == 405:
        problem.headers = {"Allow": ", ".join(_methods_of(request.app, request.url.path))}
    if problem.status >= 500:
        _log.error("request_failed", status=problem.status, exc_info=error)
    return in_language_of(request, problem).response()


@cache
def _pattern_of(template: str) -> re.Pattern[str]:
    return compile_path(template)[0]


def _methods_of(app: FastAPI, path: str) -> list[str]:
    """Return the methods of all routes with this path. The framework names those of the first route alone."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        if context.methods and _pattern_of(context.path).match(path):
            found |= context.methods
    return sorted(found)


def install(app: FastAPI) -> None:
    """Make the app answer every failure with its problem."""
    handled: list[type[Exception]] = [Problem, RequestValidationError, HTTPException, ClientDisconnect, OSError]
    handled.append(EventTooLarge)
    handled += DATABASE_ERRORS
    for kind in handled:
        app.add_exception_handler(kind, _answer)
