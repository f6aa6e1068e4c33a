"""What the user sees when something goes wrong: a page with what happened and what to do, in their language."""

from collections.abc import Awaitable, Callable

import structlog
from chassis.failures import DATABASE_ERRORS
from chassis.problems import Problem
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from recobro_console import guard, outside
from recobro_console.calls import Refused, Unreachable
from recobro_console.guard import ForeignForm, FormTooLong
from recobro_console.pages import NotYours, SignInFirst
from recobro_console.sessions.oidc import ProviderAway
from recobro_console.sessions.tokens import SignedOut

_log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Give the app a page for each kind of failure."""
    app.add_exception_handler(SignInFirst, _sign_in)
    app.add_exception_handler(SignedOut, _sign_in)
    for kind, template, status in (
        (NotYours, "outside/not_yours.html", 403),
        (ForeignForm, "outside/foreign.html", 403),
        (FormTooLong, "outside/too_long.html", 413),
        (RequestValidationError, "outside/not_found.html", 404),
    ):
        app.add_exception_handler(kind, _shows(template, status))
    app.add_exception_handler(ProviderAway, _provider_away)
    app.add_exception_handler(Unreachable, _unreachable)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(Problem, _problem)
    for error in (OSError, *DATABASE_ERRORS):
        app.add_exception_handler(error, _unavailable)
    app.add_exception_handler(Exception, _ours)


def _shows(template: str, status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def show(request: Request, _: Exception) -> Response:
        return outside.show(request, template, status=status)

    return show


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("request_failed", status=503, exc_info=error)
    return outside.show(request, "outside/unavailable.html", status=503)


async def _sign_in(request: Request, _: Exception) -> Response:
    if request.headers.get(guard.FORM_STAYS):
        # The form stays on the page with what was typed, which says how to sign in.
        return Response(status_code=401)
    if request.headers.get("HX-Request"):
        # A part of a page cannot show the form to sign in: the whole page goes there.
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse("/sign-in", 303)


async def _provider_away(request: Request, error: Exception) -> Response:
    # The session stays: the next request asks for its token again.
    _log.warning("identity_provider_unreachable", code=str(error))
    return outside.show(request, "outside/sign_in.html", status=503, local=False, away=True)


async def _unreachable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unreachable)
    return outside.show(request, "outside/unreachable.html", status=503, service=error.service)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if error.status == 404:
        return outside.show(request, "outside/not_found.html", status=404)
    detail = request.state.reader.refusal(error)
    return outside.show(request, "outside/refused.html", status=error.status, detail=detail)


async def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return outside.show(request, "outside/not_found.html", status=error.status_code)
    return outside.show(request, "outside/refused.html", status=error.status_code, detail=str(error.detail))


async def _problem(_: Request, error: Exception) -> Response:
    # The routes for health answer programs.
    assert isinstance(error, Problem)
    return error.response()


async def _ours(request: Request, _: Exception) -> Response:
    _log.exception("page_failed")
    return outside.show(request, "outside/failed.html", status=500)
