"""Support for the tests of services: a running app, a client, tokens that the app trusts, routes without a guard."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from joserfc.jwk import ECKey
from recobro_events import Database
from recobro_platform import SCOPES
from starlette.routing import compile_path

from chassis import tokens
from chassis.auth import OPEN_PATHS, guards_of
from chassis.problem_types import general_codes, problems_of
from chassis.problems import MEDIA_TYPE, TYPE_PREFIX, NoContact
from chassis.settings import Settings


@cache
def _key() -> ECKey:
    return tokens.generate_key()


@cache
def _public_key_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="recobro-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "jwks.json"
    file.write_text(tokens.jwks(_key()))
    return file


@cache
def private_key_file() -> Path:
    """Return a file with the key that signs the tokens of ``mint``, for a program that signs tokens itself."""
    file = _public_key_file().with_name("private.json")
    tokens.save_private_key(_key(), file)
    return file


def mint(
    scopes: Iterable[str] = SCOPES,
    agency_id: UUID | None = None,
    subject: str = "test",
    ttl: int = 3600,
    *,
    client: str | None = None,
    delegate: str | None = None,
) -> str:
    """Return a token that an app with ``test_settings`` trusts. Without ``agency_id`` it is an operator's."""
    role = "operator" if agency_id is None else None
    return tokens.mint(_key(), subject, scopes, agency_id, ttl, role=role, client=client, delegate=delegate)


def test_settings(
    database_url: str = "postgresql://127.0.0.1:1/nowhere",  # noqa: PT028
    *,
    service: str = "portfolio",  # noqa: PT028
    **changes: Any,
) -> Settings:
    """Return settings for a test. ``changes`` are fields of ``Settings``."""
    values: dict[str, Any] = {
        "service": service,
        "database_url": database_url,
        "log_url": database_url,
        "jwt_public_key_file": _public_key_file(),
    }
    return Settings(**(values | changes))


# pytest would take the name for a test's.
test_settings.__test__ = False  # type: ignore[attr-defined]


@asynccontextmanager
async def client_for(app: FastAPI, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Start ``app``, yield a client of it, and stop it. ``token`` is sent with every request."""
    async with app.router.lifespan_context(app), client_of(app, token) as client:
        yield client


def client_of(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    """Return a client of an app that runs. ``token`` is sent with every request."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    hooks: dict[str, list[Callable[..., Any]]] = {"response": [partial(_expect_documented, app)]}
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers, timeout=30, event_hooks=hooks
    )


async def _expect_documented(app: FastAPI, response: httpx.Response) -> None:
    """Check that the OpenAPI document names this problem at its operation."""
    if response.headers.get("content-type") != MEDIA_TYPE:
        return
    await response.aread()
    code = response.json()["type"].removeprefix(TYPE_PREFIX)
    documented = _codes_of(app, response.request.method, response.request.url.path)
    silenced = NoContact.code in documented and response.json().get("reason") == code.replace("-", "_")
    assert code in documented or silenced, f"{response.request.method} {response.request.url.path}: {code}"


def _codes_of(app: FastAPI, method: str, path: str) -> set[str]:
    """The codes of the operation at this path, and those that every operation may answer with."""
    known: dict[str, set[str]] = app.state._state.setdefault("documented_codes", {})
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or method not in (context.methods or ()):
            continue
        if compile_path(context.path or "")[0].fullmatch(path):
            name = f"{method} {context.path}"
            if name not in known:
                known[name] = {problem.code for problem in problems_of(route)}
            return known[name] | general_codes()
    return general_codes()


@contextmanager
def facts_during_lag(app: FastAPI, arrive: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Run ``arrive`` where a request would pause for a fact that is not known yet, once no connection is in use."""

    async def pause(_: float) -> None:
        await _until_no_connection_is_used(app.state.database)
        await arrive()

    with patch("chassis.lag.sleep", pause):
        yield


async def _until_no_connection_is_used(database: Database) -> None:
    pool = database._pool
    assert pool is not None
    async with asyncio.timeout(240):
        while pool.get_idle_size() < pool.get_size():  # noqa: ASYNC110 - the pool has no event to wait for
            await asyncio.sleep(0.005)


def unguarded_routes(app: FastAPI) -> list[str]:
    """Return the routes without a guard, as ``METHOD /path``. Nobody can use them. Health and docs are left out."""
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if context.path in OPEN_PATHS or (isinstance(route, APIRoute) and guards_of(route.dependant)):
            continue
        found += [f"{method} {context.path}" for method in sorted(context.methods or {"*"})]
    return sorted(found)
