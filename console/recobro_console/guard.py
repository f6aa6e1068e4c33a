"""What every request passes: security headers, and the session of its cookie. ``check_form`` admits our own forms."""

import hmac
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from chassis.failures import DATABASE_ERRORS
from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recobro_console import outside
from recobro_console.language import Reader, language_of

CSRF_FIELD = "_csrf"
CSRF_HEADER = "X-CSRF-Token"
FORM_STAYS = "X-Form"
"""Sent with a form whose page stays until the answer is known: the page goes where the answer leads by itself."""
MOST_FORM_BYTES = 1_000_000
_OPEN = ("/static/", "/livez", "/readyz", "/startupz", "/metrics")
_log = structlog.get_logger(__name__)


class ForeignForm(Exception):
    """A change that another site's page has sent, or that carries no token of this session."""


class FormTooLong(Exception):
    """A form has more than ``MOST_FORM_BYTES``, or does not say how long it is."""


def policy(tiles_url: str | None, issuer: str | None = None) -> str:
    """The content security policy: nothing from outside but the operator's own map tiles, no inline script.

    The form that signs out may lead to the identity provider.
    """
    images = " ".join(("'self' data:", *_origin(tiles_url)))
    forms = " ".join(("'self'", *_origin(issuer)))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
        f"img-src {images}; frame-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


def _origin(url: str | None) -> list[str]:
    return [f"{parts.scheme}://{parts.netloc}"] if url and (parts := urlsplit(url)) else []


class Guard:
    """The middleware around all routes. Pages find ``reader``, ``session``, ``session_key`` in the request's state."""

    def __init__(self, app: ASGIApp, of: FastAPI) -> None:
        self._app, self._of = app, of
        self._headers = {
            "Content-Security-Policy": policy(
                of.state.settings.console_tiles_url, of.state.settings.console_oidc_issuer
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        stays = FORM_STAYS.lower().encode() in dict(scope["headers"])

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if stays and message["status"] == 303:
                    message["status"] = 204
                    del headers["content-length"]
            await send(message)

        if scope["path"].startswith(_OPEN):
            await self._app(scope, receive, with_headers)
            return
        scope.setdefault("app", self._of)
        request = Request(scope)
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["reader"] = Reader(
            language_of(request.cookies.get("lang"), request.headers.get("accept-language")),
        )
        key = state["session_key"] = request.cookies.get(outside.session_cookie(request))
        try:
            state["session"] = await self._of.state.store.find(key) if key else None
        except (OSError, *DATABASE_ERRORS):
            _log.warning("sessions_not_read", exc_info=True)
            answer = outside.show(request, "outside/unavailable.html", status=503)
            await answer(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


async def check_form(request: Request) -> None:
    """Raises ``ForeignForm`` unless the request was sent by a page of this session.

    The token stands in a header or in a field. A form with a file has it in its address, so that nothing is read before
    it is known to be ours.
    """
    if request.method in ("GET", "HEAD"):
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForeignForm
    token = request.headers.get(CSRF_HEADER) or request.query_params.get(CSRF_FIELD)
    if token is None:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_FORM_BYTES:
            raise FormTooLong
        token = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(token.encode(), request.state.session.csrf.encode()):
        raise ForeignForm
