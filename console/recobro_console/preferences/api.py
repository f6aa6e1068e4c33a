"""The user's choices: language and colours. They are kept in the browser alone."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from recobro_console.language import NAMES
from recobro_console.pages import local_path

THEMES = ("auto", "light", "dark")
_SECONDS = 365 * 24 * 3600
router = APIRouter(include_in_schema=False)


@router.get("/preferences")
async def prefer(request: Request, back: str = "/", lang: str | None = None, theme: str | None = None) -> Response:
    """Keep the choice and go back to the page. It changes nothing but what this browser shows."""
    response = RedirectResponse(local_path(back), 303)
    secure = request.app.state.settings.is_secure
    if lang in set(NAMES):
        response.set_cookie("lang", str(lang), path="/", max_age=_SECONDS, samesite="lax", secure=secure, httponly=True)
    if theme in THEMES:
        response.set_cookie(
            "theme", str(theme), path="/", max_age=_SECONDS, samesite="lax", secure=secure, httponly=True
        )
    return response
