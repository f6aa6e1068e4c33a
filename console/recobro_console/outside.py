"""Pages for people who have not signed in, and pages that say what went wrong."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from recobro_console.language import NAMES, Reader
from recobro_console.templates import environment


def session_cookie(request: Request) -> str:
    """The name of the session's cookie. Over TLS its prefix keeps other hosts from setting it."""
    return "__Host-recobro" if request.app.state.settings.is_secure else "recobro_session"


def show(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Answer with a page that needs no session."""
    reader: Reader = getattr(request.state, "reader", Reader())
    known = {
        "recovers": status == 503 and request.method == "GET",
        "wrong": False,
        "used": False,
        "refused": False,
        "away": False,
    } | values
    html = (
        environment(reader)
        .get_template(template)
        .render(
            reader=reader, languages=NAMES, theme=request.cookies.get("theme", "auto"), path=request.url.path, **known
        )
    )
    return HTMLResponse(html, status)
