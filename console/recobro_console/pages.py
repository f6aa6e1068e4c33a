"""What every page is made with: the user's session, the calls to the services, the templates, the navigation.

A page is a route of a ``Router``. It takes a ``Page`` and answers with ``page.show(template, …)``. A form posts to a
route of the same router, which answers with ``page.done(path, sentence)``: the browser goes to that path, where the
sentence is shown once. ``SECTIONS`` is the navigation. A new section is a line there and a router in ``app``.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response, StreamingResponse

from recobro_console.calls import Calls, Refused, Trouble, Unreachable
from recobro_console.guard import check_form
from recobro_console.language import NAMES, Reader
from recobro_console.sessions.store import Role, Session
from recobro_console.templates import environment

FLASH = "recobro_flash"
HOME = "/"
_LONGEST_FLASH = 1500
_PASSED_ON = ("content-type", "content-disposition", "content-language")
STAFF = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.AUDITOR})
EVERYBODY = frozenset(Role)


@dataclass(frozen=True)
class Section:
    """A section of the console: its path, its title in English, the key that opens it after ``g``, who may see it."""

    path: str
    title: str
    key: str
    roles: frozenset[Role] = STAFF


SECTIONS = (
    Section("/today", "Today", "t"),
    Section("/files", "Files", "f"),
    Section("/payments", "Payments", "m"),
    Section("/contracts", "Contracts", "c", EVERYBODY),
    Section("/lists", "Lists", "l", EVERYBODY),
    Section("/agencies", "Agencies", "a", EVERYBODY),
    Section("/visits", "Visits", "v", EVERYBODY),
    Section("/promises", "Promises", "p", EVERYBODY),
    Section("/desk", "Desk", "d"),
    Section("/strategy", "Strategy", "s"),
    Section("/insight", "Insight", "i"),
    Section("/operations", "Operations", "o", frozenset({Role.SUPERVISOR, Role.AUDITOR})),
)


def local_path(path: str) -> str:
    """The path if it leads to a page of this console, else the first page."""
    parts = urlsplit(path)
    ours = not parts.scheme and not parts.netloc and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if ours else HOME


class SignInFirst(Exception):
    """The page needs a session, and there is none."""


class NotYours(Exception):
    """The user's role does not open this page."""


class Router(APIRouter):
    """The routes of one section.

    Only users of these roles reach them. Only forms of their own pages change something.
    """

    def __init__(self, roles: frozenset[Role] = STAFF, **others: Any) -> None:
        async def admit(request: Request) -> None:
            session = request.state.session
            if session is None:
                raise SignInFirst
            if session.role not in roles:
                raise NotYours
            await check_form(request)

        super().__init__(dependencies=[Depends(admit)], include_in_schema=False, **others)


@dataclass
class Page:
    """One request of a user who has signed in."""

    request: Request
    reader: Reader
    session: Session
    services: Calls
    theme: str
    _flash: Mapping[str, Any] | None = field(default=None)

    def tr(self, sentence: str, /, **values: object) -> str:
        return self.reader.tr(sentence, **values)

    @property
    def here(self) -> str:
        """The path and query of this page."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    def with_query(self, **changes: str | None) -> str:
        """The path of this page with other parameters; None takes one away."""
        url = self.request.url.include_query_params(**{name: value for name, value in changes.items() if value})
        url = url.remove_query_params([name for name, value in changes.items() if not value])
        return f"{url.path}?{url.query}" if url.query else url.path

    @property
    def is_fragment(self) -> bool:
        """Whether the browser asks for a part of a page that it already shows."""
        return self.request.headers.get("HX-Request-Type") == "partial"

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a template. It has ``page``, ``tr`` and the filters of ``recobro_console.templates``."""
        flash = self.request.cookies.get(FLASH) if not self.is_fragment else None
        html = (
            environment(self.reader)
            .get_template(template)
            .render(
                page=self,
                session=self.session,
                reader=self.reader,
                sections=[section for section in SECTIONS if self.session.role in section.roles],
                languages=NAMES,
                flash=_read_flash(flash),
                **values,
            )
        )
        response = HTMLResponse(html, status)
        if flash:
            response.delete_cookie(FLASH, path="/")
        return response

    def done(self, path: str, sentence: str, /, **values: object) -> Response:
        """Go to ``path`` and show the sentence there once. It may hold values, as in ``tr``."""
        response = RedirectResponse(local_path(path), 303)
        said = json.dumps({"text": self.tr(sentence, **values)[:_LONGEST_FLASH]})
        response.set_cookie(FLASH, quote(said), path="/", httponly=True, samesite="strict", max_age=60)
        return response

    async def form(self) -> dict[str, str]:
        """The fields of the posted form, without blanks around them. The last of several of one name."""
        form = await self.request.form()
        return {name: value.strip() for name, value in form.items() if isinstance(value, str)}

    def said(self, trouble: Trouble) -> str:
        """A service's refusal or silence as a sentence for the user."""
        if isinstance(trouble, Refused):
            return self.reader.refusal(trouble)
        return self.tr(
            "{service} does not answer. Nothing was changed. Try again in a moment.", service=trouble.service
        )

    async def pass_on(self, service: str, path: str, **parameters: Any) -> Response:
        """Answer with a file of a service, piece by piece, under the name that the service gives it."""
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(self.services.download(service, path, **parameters))
            held = stack.pop_all()

        async def pieces() -> AsyncIterator[bytes]:
            async with held:
                async for piece in answer.aiter_bytes():
                    yield piece

        kept = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return StreamingResponse(pieces(), headers=kept)

    async def attempt(self, work: Awaitable[Any]) -> Any:
        """The result of a call, or its ``Trouble``: for pages on which one service's silence leaves the rest."""
        try:
            return await work
        except (Refused, Unreachable) as trouble:
            return trouble


def _read_flash(cookie: str | None) -> str | None:
    if not cookie:
        return None
    try:
        text = json.loads(unquote(cookie))["text"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(text)


async def page_of(request: Request) -> Page:
    """What a route works with, with a token that holds. Raises ``SignInFirst``."""
    session: Session | None = request.state.session
    if session is None:
        raise SignInFirst
    reader: Reader = request.state.reader
    fresh = await request.app.state.tokens.fresh(request.state.session_key, session)
    calls = Calls(request.app.state.http, request.app.state.addresses, fresh.access_token, reader.accept_language)
    return Page(request, reader, fresh, calls, request.cookies.get("theme", "auto"))


CurrentPage = Annotated[Page, Depends(page_of)]
__all__ = ["EVERYBODY", "SECTIONS", "STAFF", "CurrentPage", "Page", "Router", "Section", "page_of"]
