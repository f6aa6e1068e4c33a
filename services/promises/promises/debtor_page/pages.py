"""The debtor's pages, open to everyone who holds a link. They are HTML without a script, under ``/p/``.

GET  /p/{token}       asks for proof of identity, and shows nothing
POST /p/identity      opens the link: a cookie has the session, and no further address has the token
GET  /p/mine          what the debtor owes, and what can be done
POST /p/act/{kind}    does it, and goes back to the page, which shows the outcome

Whatever is wrong with a link or a session, the answer is one page with the status 404.
"""

import secrets
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import structlog
from chassis import audit
from chassis.failures import problem_of
from chassis.limits import TooMany
from chassis.problems import Problem
from chassis.public import PublicRoute, PublicRouter, form_of
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from recobro_events import SESSION_SETTINGS, Database, Row, Transaction

from promises import metrics
from promises.debtor_page import acting, digests, opening, queries, showing
from promises.debtor_page.acting import ACTS, DAYS, DISPUTES, MEDIA, Sent
from promises.debtor_page.identifying import Answers
from promises.debtor_page.opening import SignedIn, Wrong, actor_of
from promises.debtor_page.words import (
    BUSY,
    FAILED,
    FIELDS,
    NAMES,
    Reader,
    language_for,
    language_of_browser,
)
from promises.settings import PromisesSettings

MINE = "/p/mine"
_LONGEST_TOKEN = 100
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Robots-Tag": "noindex, nofollow"}
_log = structlog.get_logger(__name__)


class _PageRoute(PublicRoute):
    async def refused(self, request: Request, error: Exception) -> Response:
        """Say it as a page. What is our own mistake goes into the log."""
        problem = problem_of(error)
        if problem.status >= 500:
            _log.error("page_failed", status=problem.status, exc_info=error)
        said = BUSY if isinstance(error, TooMany) else FAILED
        return _nothing(request, problem.status, said, dict(problem.headers))


router = PublicRouter("/p", _PageRoute)


@router.get("/page.css")
async def style(_: Request) -> Response:
    return Response(_file("page.css"), media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


@router.get("/mine")
async def mine(request: Request) -> Response:
    """Show the page of the session that the cookie names."""
    session = _session(request)
    async with _database(request).connection() as connection:
        link = await opening.opened(connection, session)
        if link is None:
            return _dead(request)
        done = await connection.fetchrow(queries.ACT, link["link_id"], request.query_params.get("done", "")[:200])
        metrics.PAGE_OPENINGS.labels("page").inc()
        return await _shown(request, connection, link, session, done=done)


@router.get("/{token:path}")
async def ask(request: Request, token: str) -> Response:
    """Ask who somebody is. Somebody who has answered already goes on."""
    async with _database(request).connection() as connection:
        session = _session(request)
        signed_in = await opening.opened(connection, session)
        if signed_in is not None and signed_in["token_digest"] == digests.of_token(token):
            return _to_mine(request)
        link = await opening.unused(connection, token)
    if link is None:
        return _dead(request)
    metrics.PAGE_OPENINGS.labels("identity").inc()
    return _asked(request, link, token, _new_form())


@router.post("/identity")
async def identify(request: Request) -> Response:
    """Open the link for somebody who proves who they are."""
    fields = await form_of(request)
    request.state.language = _one(fields, "lang")
    token, form = _one(fields, "token"), _one(fields, "form")
    answers = Answers(_one(fields, "tax_id"), _one(fields, "postal_code"))
    database = _database(request)
    async with database.connection() as connection:
        link = await connection.fetchrow(queries.BY_TOKEN, digests.of_token(token))
    if link is None or not form:
        return _dead(request)
    _act_as(request, link)
    async with database.transaction() as tx:
        found = await opening.sign_in(tx, token, form, answers)
        response: Response
        match found:
            case SignedIn(session):
                response = _to_mine(request)
                _keep(request, response, session)
            case Wrong(link, tries_left):
                response = _asked(request, link, token, form, tries_left)
            case _:
                response = _dead(request)
        await _record(tx, request, response.status_code, link)
    return response


@router.post("/act/{kind}")
async def do(request: Request, kind: str) -> Response:
    """Do what the debtor asks, once for each form, and go back to the page."""
    fields = await form_of(request)
    request.state.language = _one(fields, "lang")
    session, database = _session(request), _database(request)
    async with database.connection() as connection:
        link = await opening.opened(connection, session)
    if link is None or kind not in ACTS:
        return _dead(request)
    _act_as(request, link)
    reader, form = _reader(request, link), _one(fields, "form")
    try:
        async with database.transaction() as tx:
            link = await opening.locked(tx, session)
            if link is None or not await _is_ours(tx, session, form):
                return _dead(request)
            sent = Sent(fields, reader.has_decimal_point)
            await acting.act(tx, link, kind, form, sent)
            tx.after_commit(metrics.PAGE_ACTS.labels(kind, "done").inc)
            await _record(tx, request, 303, link)
    except Exception as error:
        problem = problem_of(error)
        if problem.status >= 500:
            raise
        metrics.PAGE_ACTS.labels(kind, "refused").inc()
        return await _refused(request, session, kind, fields, problem)
    if kind == "end":
        return _said_goodbye(request, reader)
    return _to_mine(request, done=form)


async def _refused(
    request: Request, session: str, kind: str, fields: Mapping[str, list[str]], problem: Problem
) -> Response:
    """Show the page again with why, above the form that keeps what was typed."""
    async with _database(request).connection() as connection:
        link = await opening.opened(connection, session)
        if link is None:
            return _dead(request)
        wrong = next((error.pointer.rpartition("/")[2] for error in problem.errors), "")
        refusal = {"kind": kind, "problem": problem, "field": wrong if wrong in FIELDS else "", "fields": fields}
        return await _shown(request, connection, link, session, refusal=refusal)


async def _shown(
    request: Request,
    connection: Any,
    link: Row,
    session: str,
    *,
    done: Row | None = None,
    refusal: Mapping[str, Any] | None = None,
) -> Response:
    seen = await showing.seen(connection, link)
    if seen is None:
        return _dead(request)
    key = await digests.known_key(connection)

    def form() -> str:
        """A token of a form, which nobody else can make for this session."""
        number = _new_form()
        return f"{number}.{digests.signed(key, 'form', session, number)}"

    typed = refusal["fields"] if refusal else {}
    return _page(
        "mine.html",
        _reader(request, link),
        MINE,
        refusal["problem"].status if refusal else 200,
        seen=seen,
        done=done,
        refusal=refusal,
        form=form,
        typed=lambda kind, name, default="": (
            typed.get(name, [default])[0] if refusal and refusal["kind"] == kind else default
        ),
        chosen=lambda name: typed.get(name, ()) if refusal else (),
        field_says=FIELDS,
        disputes=DISPUTES,
        media=MEDIA,
        days=DAYS,
    )


async def _is_ours(tx: Transaction, session: str, form: str) -> bool:
    number, _, signature = form.partition(".")
    return digests.equals(signature, digests.signed(await digests.known_key(tx), "form", session, number))


def _asked(request: Request, link: Row, token: str, form: str, tries_left: int | None = None) -> Response:
    return _page(
        "identity.html",
        _reader(request, link),
        f"/p/{token}",
        200 if tries_left is None else 422,
        token=token,
        form=form,
        tries_left=tries_left,
        asks_tax_id=link["tax_id"] is not None,
        asks_postal_code=bool(link["postal_codes"]),
    )


def _dead(request: Request) -> Response:
    metrics.PAGE_OPENINGS.labels("nothing").inc()
    return _nothing(request, 404)


def _nothing(request: Request, status: int, said: str | None = None, headers: Mapping[str, str] = {}) -> Response:
    """The page that shows nothing about any link: the same bytes for every address, in a language."""
    language = language_of_browser(_asked_language(request), request.headers.get("accept-language"))
    page = _page("nothing.html", Reader(language), "", status, said=said)
    page.headers.update(headers)
    return page


def _said_goodbye(request: Request, reader: Reader) -> Response:
    response = _page("goodbye.html", reader, "")
    response.delete_cookie(_cookie(request), path="/")
    return response


def _page(template: str, reader: Reader, path: str, status: int = 200, **values: Any) -> Response:
    """``path`` is the address at which the page can be asked for in another language; none where it cannot."""
    html = (
        _templates()
        .get_template(template)
        .render(reader=reader, tr=reader.tr, money=reader.money, day=reader.day, path=path, languages=NAMES, **values)
    )
    return HTMLResponse(html, status, headers=_HEADERS)


def _to_mine(request: Request, done: str | None = None) -> Response:
    """Go to the page and its beginning. A form that is refused instead shows its refusal, far below on a phone."""
    language = _asked_language(request)
    parts = [f"lang={language}"] if language in set(NAMES) else []
    parts += [f"done={done}"] if done else []
    return RedirectResponse(f"{MINE}?{'&'.join(parts)}#content", 303)


def _reader(request: Request, link: Row) -> Reader:
    of_debtor = link["language"] or link["language_of_debtor"]
    language = language_for(_asked_language(request), of_debtor, link["jurisdiction"])
    return Reader(language, link["jurisdiction"] or "MX")


def _asked_language(request: Request) -> str | None:
    return getattr(request.state, "language", None) or request.query_params.get("lang")


def _is_secure(request: Request) -> bool:
    return cast(PromisesSettings, request.app.state.settings).debtor_page_address.startswith("https:")


def _cookie(request: Request) -> str:
    """The cookie's name. Over TLS its prefix keeps other hosts from setting it."""
    return "__Host-page" if _is_secure(request) else "page"


def _session(request: Request) -> str:
    return request.cookies.get(_cookie(request), "")[:_LONGEST_TOKEN]


def _keep(request: Request, response: Response, session: str) -> None:
    response.set_cookie(
        _cookie(request), session, path="/", secure=_is_secure(request), httponly=True, samesite="strict"
    )


def _act_as(request: Request, link: Row) -> None:
    """What is written from now on says that this link's debtor did it. The outermost middleware takes it back."""
    SESSION_SETTINGS.set(audit.actor_setting(actor_of(link), request.state.request_id))


async def _record(tx: Transaction, request: Request, status: int, link: Row) -> None:
    await audit.record(tx, request, status, None, about=(link["link_id"], link["contract_id"]))


def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


def _one(fields: Mapping[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0][:2000]


def _new_form() -> str:
    return secrets.token_urlsafe(16)


@cache
def _file(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
