"""Scopes and agencies: what a valid token may do. Routes without a guard."""

from uuid import uuid4

import httpx
import pytest
from chassis import Router, create_app, reads
from chassis.testing import client_for, mint, test_settings, unguarded_routes
from fastapi import APIRouter, FastAPI
from recobro_events import Database


def with_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_each_route_requires_its_scope(client: httpx.AsyncClient) -> None:
    reader = with_token(mint(["portfolio:read"]))
    assert (await client.get("/v1/me", headers=reader)).status_code == 200
    answer = await client.post("/v1/entries", json={}, headers=reader)
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("missing-scope")
    for scopes in ([], ["portfolio:write"], ["dialer-feed:read"], ["portfolio:reader"], ["portfolio"]):
        assert (await client.get("/v1/me", headers=with_token(mint(scopes)))).status_code == 403


async def test_the_token_is_checked_before_the_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/entries", content="{", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["content-type"] == "application/problem+json"
    del client.headers["Authorization"]
    answer = await client.post("/v1/entries", content="{")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_agency_may_use_only_routes_that_allow_agencies(client: httpx.AsyncClient) -> None:
    agency_id = uuid4()
    agency = with_token(mint(agency_id=agency_id))
    answer = await client.get("/v1/me", headers=agency)
    assert answer.json() == {"subject": "test", "agency": str(agency_id)}
    for path in ("/v1/by-number/1", "/v1/stream"):
        answer = await client.get(path, headers=agency)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("agency-refused")


async def test_a_route_without_a_guard_is_closed(client: httpx.AsyncClient, app: FastAPI) -> None:
    answer = await client.get("/v1/forgotten")
    assert (answer.status_code, "secret" in answer.text) == (403, False)
    assert (await client.get("/v1/forgotten", headers={"Authorization": "Bearer x"})).status_code == 401
    assert unguarded_routes(app) == ["GET /v1/forgotten"]


async def test_health_and_documentation_are_open(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    for path in ("/livez", "/readyz", "/startupz", "/metrics", "/docs", "/openapi.json"):
        assert (await client.get(path)).status_code == 200, path


def app_of(database: Database, router: APIRouter) -> FastAPI:
    settings = test_settings(database.dsn)
    return create_app(
        service="portfolio", title="Toy", settings=settings, database=database, runtime=None, routers=[router]
    )


async def test_an_app_with_a_plain_fastapi_route_does_not_start(database: Database) -> None:
    plain = APIRouter(dependencies=[reads("portfolio")])
    plain.add_api_route("/v1/open", lambda: "secret")
    with pytest.raises(TypeError, match="/v1/open"):
        async with client_for(app_of(database, plain)):
            pass


async def test_a_guard_of_a_router_holds_for_its_routes(database: Database) -> None:
    router = Router(prefix="/v1", dependencies=[reads("portfolio")])

    @router.get("/things")
    async def things() -> list[str]:
        return ["thing"]

    app = app_of(database, router)
    assert unguarded_routes(app) == []
    async with client_for(app) as client:
        assert (await client.get("/v1/things")).status_code == 401
        assert (await client.get("/v1/things", headers=with_token(mint(["x"])))).status_code == 403
        assert (await client.get("/v1/things", headers=with_token(mint(["portfolio:read"])))).json() == ["thing"]


async def test_a_guard_given_where_a_router_is_included_does_not_open_it(database: Database) -> None:
    inner, outer = Router(), Router(prefix="/v1")

    @inner.get("/things")
    async def things() -> list[str]:
        return ["thing"]

    outer.include_router(inner, dependencies=[reads("portfolio")])
    app = app_of(database, outer)
    assert unguarded_routes(app) == ["GET /v1/things"]
    async with client_for(app, mint()) as client:
        assert (await client.get("/v1/things")).status_code == 403
