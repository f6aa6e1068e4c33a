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
from chassis.auth import TokenVerifier
from chassis.principals import Principal, WrongClaim
from chassis.problems import Unauthorised
from chassis.testing import client_for, mint, test_settings, unguarded_routes
from fastapi import APIRouter, FastAPI
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from recobro_events import Database

KEY = tokens.generate_key()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": "recobro", "aud": "recobro", "sub": "ana", "iat": now, "exp": now + 60, "jti": str(uuid4())}
    made |= {"scope": "portfolio:read", "role": "operator"}
    return {name: value for name, value in (made | changes).items() if value is not None}


def signed_text(payload: str) -> str:
    """A properly signed token whose claims are ``payload`` as it is."""
    return jws.serialize_compact({"alg": "ES256", "kid": KEY.kid}, payload, KEY)


def an_agency(agency_id: Any, **changes: Any) -> str:
    return signed(role=None, agency_id=agency_id, **changes)


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
    "a subject that is too long": lambda: signed(sub="a" * 129),
    "a subject of spaces": lambda: signed(sub=" "),
    "a subject with a line break": lambda: signed(sub="ana\nrole: operator"),
    "a subject with an invisible character": lambda: signed(sub="an\u200ba"),
    "a subject written from right to left": lambda: signed(sub="\u202eana"),
    "a subject with half a character": lambda: signed_text(json.dumps(claims(sub="\ud800"))),
    "neither an agency nor the operator's role": lambda: signed(role=None),
    "an agency that is null": lambda: jwt.encode(
        {"alg": "ES256", "kid": KEY.kid}, claims(role=None) | {"agency_id": None}, KEY
    ),
    "an agency with the operator's role": lambda: signed(agency_id=str(uuid4())),
    "a role that is not the operator's": lambda: signed(role="admin"),
    "a role in other letters": lambda: signed(role="Operator"),
    "roles that are a list": lambda: signed(role=["operator"]),
    "an agency that is no id": lambda: an_agency("mine"),
    "an agency that is a number": lambda: an_agency(5),
    "an agency without hyphens": lambda: an_agency(uuid4().hex),
    "an agency as a URN": lambda: an_agency(uuid4().urn),
    "agencies that are a list": lambda: an_agency([str(uuid4())]),
    "no token id": lambda: signed(jti=None),
    "an empty token id": lambda: signed(jti=""),
    "a token id that is a number": lambda: signed(jti=5),
    "a token id that is too long": lambda: signed(jti="a" * 129),
    "a token id with a space": lambda: signed(jti="a b"),
    "a token id that is not ASCII": lambda: signed(jti="ñ"),
    "a client that is a number": lambda: signed(client_id=5),
    "a client that is too long": lambda: signed(azp="a" * 129),
    "an actor that is text": lambda: signed(act="eva"),
    "an actor without a name": lambda: signed(act={}),
    "an actor whose name is a number": lambda: signed(act={"sub": 5}),
    "an actor with a control character": lambda: signed(act={"sub": "e\0va"}),
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
    agency, scopes = uuid4(), ["dialer-feed:read", "portfolio:read"]
    found = verifier.principal(f"Bearer {tokens.mint(KEY, 'ana', scopes, agency, 60)}")
    assert found == Principal("ana", frozenset(scopes), found.token_id, agency_id=agency)
    operator = verifier.principal(f"bearer {signed(aud=['other', 'recobro'], jti='1')}")
    assert operator == Principal("ana", frozenset({"portfolio:read"}), "1", role="operator")


def test_a_token_names_the_program_that_obtained_it(verifier: TokenVerifier) -> None:
    def client_of(**changes: Any) -> str | None:
        return verifier.principal(f"Bearer {signed(**changes)}").client

    assert client_of() is None
    assert client_of(azp="front-office") == "front-office"
    assert client_of(azp="front-office", client_id="dialer") == "dialer"


def test_the_delegate_acts_on_behalf_of_the_subject(verifier: TokenVerifier) -> None:
    own = verifier.principal(f"Bearer {signed()}")
    assert (own.actor, own.on_behalf_of) == ("ana", None)
    chain = {"sub": "front-office", "act": {"sub": "earlier"}}
    delegated = verifier.principal(f"Bearer {signed(act=chain)}")
    assert (delegated.actor, delegated.on_behalf_of) == ("front-office", "ana")
    minted = tokens.mint(KEY, "ana", [], None, 60, role="operator", client="crm", delegate="crm-1")
    found = verifier.principal(f"Bearer {minted}")
    assert (found.subject, found.client, found.actor, found.on_behalf_of) == ("ana", "crm", "crm-1", "ana")


def test_a_token_that_no_service_would_accept_is_not_made() -> None:
    with pytest.raises(WrongClaim, match="either an agency_id or the role"):
        tokens.mint(KEY, "ana", [], None, 60)
    with pytest.raises(WrongClaim, match="either an agency_id or the role"):
        tokens.mint(KEY, "ana", [], uuid4(), 60, role="operator")
    with pytest.raises(WrongClaim, match="sub must be"):
        tokens.mint(KEY, "", [], None, 60, role="operator")


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
    assert verifier.principal(f"Bearer {tokens.mint(again, 'ana', [], None, 60, role='operator')}").subject == "ana"


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
