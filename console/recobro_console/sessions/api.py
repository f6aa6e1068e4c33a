"""Signing in and out."""

import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from recobro_console import outside
from recobro_console.pages import EVERYBODY, HOME, Router, local_path
from recobro_console.sessions.local import LocalIssuer, WrongLink
from recobro_console.sessions.oidc import BEGUN_SECONDS, CALLBACK, Begun, NotSignedIn, OidcIssuer
from recobro_console.sessions.store import Session, Store

router = APIRouter(include_in_schema=False)
signed_in = Router(EVERYBODY)
BEGUN = "recobro_sign_in"
_log = structlog.get_logger(__name__)


@router.get("/sign-in")
async def sign_in(request: Request) -> Response:
    """How to sign in here."""
    if request.state.session is not None:
        return RedirectResponse(HOME, 303)
    return outside.show(request, "outside/sign_in.html", local=isinstance(request.app.state.issuer, LocalIssuer))


@router.get("/sign-in/link")
async def use_link(request: Request, code: str = "") -> Response:
    """Sign in with the one-time link of this machine."""
    issuer = request.app.state.issuer
    if not isinstance(issuer, LocalIssuer):
        return RedirectResponse("/sign-in", 303)
    store: Store = request.app.state.store
    try:
        session = await issuer.sign_in(code, store, request.app.state.settings.console_session_hours)
    except WrongLink as wrong:
        return outside.show(request, "outside/sign_in.html", status=403, local=True, wrong=True, used=wrong.used)
    return await opened(request, session, HOME)


@router.get("/sign-in/start")
async def start(request: Request) -> Response:
    """Go to the identity provider."""
    issuer = request.app.state.issuer
    if not isinstance(issuer, OidcIssuer):
        return RedirectResponse("/sign-in", 303)
    begun = Begun.new()
    response = RedirectResponse(await issuer.address(begun), 303)
    response.set_cookie(
        BEGUN,
        begun.cookie(),
        path="/sign-in",
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.is_secure,
        max_age=BEGUN_SECONDS,
    )
    return response


@router.get(CALLBACK)
async def come_back(request: Request) -> Response:
    """The user comes back from the identity provider."""
    issuer = request.app.state.issuer
    if not isinstance(issuer, OidcIssuer):
        return RedirectResponse("/sign-in", 303)
    try:
        session = await issuer.sign_in(Begun.of(request.cookies.get(BEGUN)), request.query_params)
    except NotSignedIn as failed:
        _log.warning("sign_in_failed", code=failed.why)
        return outside.show(request, "outside/sign_in.html", status=403, local=False, refused=True)
    response = await opened(request, session, HOME)
    response.delete_cookie(BEGUN, path="/sign-in")
    return response


@signed_in.get("/session")
async def session(request: Request) -> Response:
    """Who has signed in, and the token of the session's forms: for a page that was opened in an earlier session."""
    held: Session = request.state.session
    return JSONResponse({"person": held.subject, "csrf": held.csrf})


@signed_in.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session, at the identity provider too."""
    await request.app.state.store.close(request.state.session_key)
    issuer = request.app.state.issuer
    farewell = await issuer.farewell(request.state.session) if isinstance(issuer, OidcIssuer) else None
    response = RedirectResponse(farewell or "/sign-in", 303)
    response.delete_cookie(outside.session_cookie(request), path="/")
    return response


async def opened(request: Request, session: Session, path: str) -> Response:
    """Go to ``path`` with a new session."""
    key = await request.app.state.store.open(session)
    response = RedirectResponse(local_path(path), 303)
    response.set_cookie(
        outside.session_cookie(request),
        key,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.is_secure,
        expires=session.expires_at,
    )
    return response
