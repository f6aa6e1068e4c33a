"""Keys are rotated and tokens revoked while a service runs. Without keys it says so and answers nobody."""
# ruff: noqa: ASYNC110, ASYNC240 - no event tells of a reload, and the files are small

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from chassis import CurrentPrincipal, Role, Router, create_app, reads, tokens
from chassis.testing import client_for, test_settings
from chassis.trust import key_ring, verifier, watched
from fastapi import FastAPI
from forging import KEY, RSA_KEY, key_set, signed
from recobro_events import Database

OTHER = tokens.generate_key()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "jwks.json").write_bytes(key_set(KEY))
    return tmp_path / "jwks.json"


@pytest.fixture
def denied(tmp_path: Path) -> Path:
    (tmp_path / "denied").write_text("")
    return tmp_path / "denied"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read again all the time."""
    monkeypatch.setattr(verifier, "FILE_SECONDS", 0.001)


def app_with(dsn: str, role: Role = Role.API, **settings: Any) -> FastAPI:
    router = Router(prefix="/v1", dependencies=[reads("portfolio")])

    @router.get("/me")
    async def me(principal: CurrentPrincipal) -> str:
        return principal.subject

    return create_app(
        service="portfolio",
        title="Toy",
        settings=test_settings(dsn, **settings),
        database=Database(dsn, max_connections=1),
        runtime=None,
        routers=[router],
        role=role,
    )


def with_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/v1/me", headers=with_token(token))).status_code


async def until_status(client: httpx.AsyncClient, token: str, expected: int) -> None:
    async with asyncio.timeout(240):
        while await status(client, token) != expected:
            # A request in the process may end without a turn of the loop.
            await asyncio.sleep(0.001)


def by_other(**changes: Any) -> str:
    return signed(OTHER, {"kid": OTHER.kid}, **changes)


async def test_a_new_key_is_trusted_at_once_and_a_removed_one_no_more(toy_dsn: str, keys: Path) -> None:
    async with client_for(app_with(toy_dsn, jwt_public_key_file=keys)) as client:
        assert await status(client, signed()) == 200
        keys.write_bytes(key_set(OTHER))
        assert await status(client, by_other()) == 200
        assert await status(client, signed()) == 401


@pytest.mark.usefixtures("at_once")
async def test_a_removed_key_is_trusted_no_more_though_nobody_uses_the_new_one(toy_dsn: str, keys: Path) -> None:
    async with client_for(app_with(toy_dsn, jwt_public_key_file=keys)) as client:
        keys.write_bytes(key_set(OTHER))
        await until_status(client, signed(), 401)


@pytest.mark.usefixtures("at_once")
async def test_a_token_is_revoked_while_the_service_runs(toy_dsn: str, keys: Path, denied: Path) -> None:
    app = app_with(toy_dsn, jwt_public_key_file=keys, jwt_deny_file=denied)
    async with client_for(app) as client:
        token, other = signed(jti="t-1"), signed(jti="t-2")
        assert await status(client, token) == 200
        denied.write_text("t-1\n")
        await until_status(client, token, 401)
        assert await status(client, other) == 200
        denied.write_text("")
        await until_status(client, token, 200)


async def ready(client: httpx.AsyncClient) -> tuple[int, Any]:
    answer = await client.get("/readyz")
    body = answer.json()
    return answer.status_code, body.get("problems", body.get("warnings"))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("lost", ["jwks.json", "denied"])
async def test_without_fresh_keys_the_service_warns_and_then_answers_503(
    toy_dsn: str, keys: Path, denied: Path, lost: str
) -> None:
    app = app_with(toy_dsn, jwt_public_key_file=keys, jwt_deny_file=denied, jwt_keys_max_age_seconds=60)
    async with client_for(app) as client:
        assert await ready(client) == (200, None)
        (keys.parent / lost).unlink()
        async with asyncio.timeout(240):
            while (found := await ready(client)) == (200, None):
                await asyncio.sleep(0.001)
        [warning] = found[1]
        assert (found[0], "cannot be loaded" in warning, "No such file" in warning) == (200, True, True)
        assert await status(client, signed()) == 200

        for each in app.state.token_verifier._watched:
            each._clock = lambda: time.monotonic() + 61
        answer = await client.get("/v1/me", headers=with_token(signed()))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"].endswith("keys-unavailable")
        assert warning in (await ready(client))[1]
        assert (await client.get("/v1/me")).status_code == 401

        keys.write_bytes(key_set(KEY))
        denied.write_text("")
        await until_status(client, signed(), 200)
        assert await ready(client) == (200, None)


async def test_a_service_without_usable_keys_is_not_ready(toy_dsn: str, keys: Path) -> None:
    keys.write_text('{"keys": []}')
    async with client_for(app_with(toy_dsn, jwt_public_key_file=keys)) as client:
        assert await ready(client) == (503, ["The set of public keys has no key of ES256 or RS256"])
        assert await status(client, signed()) == 401


async def test_a_process_without_routes_needs_no_keys(toy_dsn: str, keys: Path) -> None:
    keys.write_text("not a key set")
    async with client_for(app_with(toy_dsn, Role.RELAY, jwt_public_key_file=keys)) as client:
        assert await ready(client) == (200, None)


class Issuer:
    """An address that publishes a key set."""

    def __init__(self) -> None:
        self.keys, self.requests, self.url = key_set(KEY), 0, ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Issuer"]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
        async with server:
            yield self

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(self.keys))
        writer.write(self.keys)
        await writer.drain()
        writer.close()


async def test_an_address_is_not_asked_for_each_request(toy_dsn: str) -> None:
    async with Issuer().running() as issuer:
        app = app_with(toy_dsn, jwt_public_key_file=None, jwt_jwks_url=issuer.url)
        async with client_for(app) as client:
            good, forged = [signed() for _ in range(20)], [by_other() for _ in range(20)]
            assert await asyncio.gather(*(status(client, token) for token in good)) == [200] * 20
            assert issuer.requests == 1
            assert await asyncio.gather(*(status(client, token) for token in forged)) == [401] * 20
            assert [await status(client, token) for token in forged] == [401] * 20
            assert issuer.requests == 2


async def test_an_address_rotates_its_keys(toy_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "EARLY_SECONDS", 0)
    async with Issuer().running() as issuer:
        app = app_with(toy_dsn, jwt_public_key_file=None, jwt_jwks_url=issuer.url)
        async with client_for(app) as client:
            issuer.keys = key_set(OTHER, RSA_KEY)
            assert await status(client, by_other()) == 200
            assert await status(client, signed(RSA_KEY, {"alg": "RS256", "kid": RSA_KEY.kid})) == 200
            assert await status(client, signed()) == 401


async def test_a_service_starts_before_the_address_answers(toy_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FIRST_PAUSE_SECONDS", 0.001)
    issuer = Issuer()
    issuer.keys = b"<html>starting</html>"
    async with issuer.running():
        app = app_with(toy_dsn, jwt_public_key_file=None, jwt_jwks_url=issuer.url)
        async with client_for(app) as client:
            assert await ready(client) == (
                503,
                ["The set of public keys cannot be loaded: it is not a JWK set"],
            )
            issuer.keys = key_set(KEY)
            await until_status(client, signed(), 200)


async def test_a_known_signature_is_not_verified_again_and_all_else_is(
    toy_dsn: str, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "FILE_SECONDS", 3600.0)
    member = json.loads(key_set(KEY))["keys"][0] | {"exp": int(time.time()) + 1000}
    keys.write_text(json.dumps({"keys": [member]}))
    verified = 0
    algorithm = key_ring._signatures.get_alg("ES256")
    verify = algorithm.verify

    def counted(*arguments: Any) -> bool:
        nonlocal verified
        verified += 1
        return verify(*arguments)

    monkeypatch.setattr(algorithm, "verify", counted)
    async with client_for(app_with(toy_dsn, jwt_public_key_file=keys)) as client:
        token, other = signed(exp=int(time.time()) + 5000), signed(sub="eva")
        assert [await status(client, each) for each in (token, token, other, token)] == [200] * 4
        assert verified == 2
        forged = f"{token[:-8]}{'A' * 8}"
        assert [await status(client, each) for each in (forged, forged)] == [401] * 2
        with monkeypatch.context() as later:
            later.setattr(verifier, "time", SimpleNamespace(time=lambda: time.time() + 600))
            assert [await status(client, each) for each in (token, other)] == [200, 401]
        with monkeypatch.context() as later:
            later.setattr(key_ring, "time", SimpleNamespace(time=lambda: time.time() + 1001))
            assert await status(client, token) == 401
        keys.write_bytes(key_set(OTHER))
        assert await status(client, by_other()) == 200
        assert await status(client, token) == 401
