"""Tokens that are forged, stale or too weak; routes without a guard."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from chassis import Router, create_app, reads, tokens
from chassis.auth import Principal, TokenVerifier
from chassis.problems import Unauthorised
from chassis.testing import client_for, mint, test_settings, unguarded_routes
from fastapi import APIRouter, FastAPI
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from recobro_events import Database

KEY = tokens.generate_key()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": "recobro", "aud": "recobro", "sub": "ana", "iat": now, "exp": now + 60, "scope": "portfolio:read"}
    return {name: value for name, value in (made | changes).items() if value is not None}


def signed(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    header = {"alg": "ES256", "kid": KEY.kid} | (header or {})
    return jwt.encode(header, claims(**changes), key, algorithms=[header["alg"]])


def unsigned(header: dict[str, Any], *, signature: bytes = b"", **changes: Any) -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims(**changes)).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def spliced() -> str:
    """A token with the claims of one token and the good signature of another."""
    header, _, signature = signed().split(".")
    return ".".join((header, unsigned({}, sub="eve").split(".")[1], signature))


def with_crit() -> str:
    """A properly signed token with a critical header that we do not understand."""
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    registry.header_registry["urn:new"] = jws.JWSRegistry.default_header_registry["kid"]
    header = {"alg": "ES256", "kid": KEY.kid, "crit": ["urn:new"], "urn:new": "x"}
    return jws.serialize_compact(header, json.dumps(claims()), KEY, registry=registry)


def symmetric(secret: bytes) -> str:
    """An HS256 token signed with public text. It is made by hand, because the library refuses to."""
    signed_part = unsigned({"alg": "HS256", "kid": KEY.kid}).rpartition(".")[0]
    signature = hmac.digest(secret, signed_part.encode(), "sha256")
    return f"{signed_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


FORGED: dict[str, Callable[[], str]] = {
    "not a token": lambda: "abc",
    "two parts": lambda: "a.b",
    "binary": lambda: "\u00ff.\u00ff.\u00ff",
    "far too long": lambda: "a" * 10_000,
    "alg none": lambda: unsigned({"alg": "none"}),
    "alg None": lambda: unsigned({"alg": "None", "kid": KEY.kid}),
    "HS256 with the public key": lambda: symmetric(KEY.as_pem(private=False)),
    "HS256 with the public set": lambda: symmetric(tokens.jwks(KEY).encode()),
    "another's key": lambda: signed(tokens.generate_key()),
    "a key of its own in the header": lambda: signed(
        other := tokens.generate_key(), {"jwk": other.as_dict(private=False)}
    ),
    "an unknown key id": lambda: signed(header={"kid": "unknown"}),
    "ES384": lambda: signed(ECKey.generate_key("P-384"), {"alg": "ES384"}),
    "claims of another token": spliced,
    "unknown critical header": with_crit,
    "no expiry": lambda: signed(exp=None),
    "expired": lambda: signed(exp=int(time.time()) - 40),
    "an expiry that is text": lambda: signed(exp="9999999999"),
    "an expiry that is no number": lambda: signed(exp=float("nan")),
    "an endless expiry": lambda: signed(exp=float("inf")),
    "not valid yet": lambda: signed(nbf=int(time.time()) + 60),
    "issued in the future": lambda: signed(iat=int(time.time()) + 60),
    "no audience": lambda: signed(aud=None),
    "wrong audience": lambda: signed(aud="other"),
    "wrong audiences": lambda: signed(aud=["other", "another"]),
    "no issuer": lambda: signed(iss=None),
    "wrong issuer": lambda: signed(iss="other"),
    "no subject": lambda: signed(sub=None),
    "an empty subject": lambda: signed(sub=""),
    "a subject that is a number": lambda: signed(sub=5),
    "scopes that are a list": lambda: signed(scope=["portfolio:read"]),
    "an agency that is no id": lambda: signed(agency_id="mine"),
    "an agency that is a number": lambda: signed(agency_id=5),
}


@pytest.fixture
def verifier(tmp_path: Path) -> TokenVerifier:
    file = tmp_path / "jwks.json"
    file.write_text(tokens.jwks(KEY))
    return TokenVerifier(file, "recobro", "recobro")


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_or_stale_token_is_refused(verifier: TokenVerifier, name: str) -> None:
    with pytest.raises(Unauthorised) as refused:
        verifier.principal(f"Bearer {FORGED[name]()}")
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc"])
def test_a_request_without_a_bearer_token_is_refused(verifier: TokenVerifier, header: str | None) -> None:
    with pytest.raises(Unauthorised):
        verifier.principal(header)


def test_a_good_token_names_its_principal(verifier: TokenVerifier) -> None:
    agency = uuid4()
    token = tokens.mint(KEY, "ana", ["dialer-feed:read", "portfolio:read"], agency, 60)
    expected = Principal("ana", frozenset({"dialer-feed:read", "portfolio:read"}), agency)
    assert verifier.principal(f"Bearer {token}") == expected
    assert verifier.principal(f"bearer {signed(aud=['other', 'recobro'])}").agency_id is None


def test_clocks_may_differ_by_half_a_minute(verifier: TokenVerifier) -> None:
    now = int(time.time())
    assert verifier.principal(f"Bearer {signed(exp=now - 20, iat=now + 20)}").subject == "ana"


def test_rs256_is_accepted_too(tmp_path: Path) -> None:
    key = RSAKey.generate_key(2048, auto_kid=True)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    verifier = TokenVerifier(tmp_path / "jwks.json", "recobro", "recobro")
    assert verifier.principal(f"Bearer {signed(key, {'alg': 'RS256', 'kid': key.kid})}").subject == "ana"


def test_a_key_is_the_same_after_saving_and_loading(tmp_path: Path, verifier: TokenVerifier) -> None:
    tokens.save_private_key(KEY, tmp_path / "key.json")
    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600
    again = tokens.load_private_key(tmp_path / "key.json")
    assert verifier.principal(f"Bearer {tokens.mint(again, 'ana', [], None, 60)}").subject == "ana"


def test_a_key_set_holds_no_private_half() -> None:
    [published] = json.loads(tokens.jwks(KEY))["keys"]
    assert "d" not in published


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
