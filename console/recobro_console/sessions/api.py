"""Signing in and out."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from recobro_console import outside
from recobro_console.pages import EVERYBODY, Router
from recobro_console.sessions.local import LocalIssuer, WrongLink
from recobro_console.sessions.store import Session, Store

router = APIRouter(include_in_schema=False)
signed_in = Router(EVERYBODY)
HOME = "/"


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


@signed_in.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    await request.app.state.store.close(request.state.session_key)
    response = RedirectResponse("/sign-in", 303)
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


def local_path(path: str) -> str:
    """The path if it leads to a page of this console, else the first page."""
    parts = urlsplit(path)
    ours = not parts.scheme and not parts.netloc and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if ours else HOME
