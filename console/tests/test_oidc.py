"""Signing in at an identity provider, and everything that must not get in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from chassis.tokens import generate_key
from console_scene import Scene, console_before
from fresh_databases import FreshDatabases
from identity_provider import CLIENT, ISSUER, Provider
from services_in_process import InProcessPlatform


@pytest.fixture(scope="module")
async def served(platform: InProcessPlatform, databases: FreshDatabases) -> AsyncIterator[tuple[Scene, Provider]]:
    provider = Provider()
    settings: dict[str, Any] = {
        "console_oidc_issuer": ISSUER,
        "console_oidc_client_id": CLIENT,
        "console_signing_key_file": None,
    }
    async with console_before(platform, databases, provider.app, **settings) as scene:
        yield scene, provider


@pytest.fixture
def scene(served: tuple[Scene, Provider]) -> Scene:
    return served[0]


@pytest.fixture
def provider(served: tuple[Scene, Provider]) -> Iterator[Provider]:
    """The provider, which behaves again after the test."""
    known, before = served[1], dict(vars(served[1]))
    yield known
    vars(known).update(before)


async def begin(scene: Scene) -> tuple[httpx.AsyncClient, str]:
    client = httpx.AsyncClient(base_url=scene.url, timeout=60)
    answer = await client.get("/sign-in/start")
    assert answer.status_code == 303, answer.text
    return client, answer.headers["location"]


async def come_back(client: httpx.AsyncClient, answer: dict[str, str]) -> httpx.Response:
    return await client.get("/sign-in/callback", params=answer)


async def test_a_user_signs_in_works_and_signs_out_at_the_provider_too(scene: Scene, provider: Provider) -> None:
    client, address = await begin(scene)
    answer = await come_back(client, provider.approve(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = await client.get("/today")
    assert "Ana Torres" in page.text
    assert (await client.get("/today/stages")).status_code == 200
    assert all("." not in value for name, value in client.cookies.items()), "the browser has a token"
    left = await scene.send(client, "/today", "/sign-out")
    assert left.headers["location"].startswith(f"{ISSUER}/bye?")
    await client.aclose()


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "guessed"},
        {"code": "guessed"},
        {"iss": "http://evil.test"},
        {"code": "", "error": "access_denied"},
    ],
)
async def test_an_answer_that_is_not_ours_opens_nothing(
    scene: Scene, provider: Provider, changed: dict[str, str]
) -> None:
    client, address = await begin(scene)
    assert (await come_back(client, provider.approve(address) | changed)).status_code == 403
    assert (await client.get("/today")).status_code == 303
    await client.aclose()


async def test_a_code_that_another_browser_has_got_opens_nothing_here(scene: Scene, provider: Provider) -> None:
    victim, address = await begin(scene)
    attacker, _ = await begin(scene)
    stolen = provider.approve(address)
    assert (await come_back(attacker, stolen)).status_code == 403
    own = dict(attacker.cookies)
    assert (await come_back(attacker, stolen | {"state": own["recobro_sign_in"].split(".")[0]})).status_code == 403
    await victim.aclose()
    await attacker.aclose()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"iss": "http://evil.test"},
        {"exp": 1},
        {"nonce": "another"},
        {"aud": [CLIENT, "another"]},
        {"recobro_role": "emperor"},
        {"recobro_role": None},
        {"recobro_role": "agency"},
    ],
)
async def test_an_identity_that_is_not_for_this_sign_in_opens_nothing(
    scene: Scene, provider: Provider, claims: dict[str, object]
) -> None:
    provider.claims = provider.claims | claims
    client, address = await begin(scene)
    assert (await come_back(client, provider.approve(address))).status_code == 403
    await client.aclose()


async def test_an_identity_of_another_key_opens_nothing_and_a_new_key_is_found(
    scene: Scene, provider: Provider
) -> None:
    client, address = await begin(scene)
    assert (await come_back(client, provider.approve(address))).status_code == 303
    provider.key = generate_key()
    again, address = await begin(scene)
    assert (await come_back(again, provider.approve(address))).status_code == 303, "the keys are asked for anew"
    await client.aclose()
    await again.aclose()


async def test_tokens_are_renewed_and_the_session_ends_when_the_provider_refuses(
    scene: Scene, provider: Provider
) -> None:
    provider.lifetime = 30
    client, address = await begin(scene)
    await come_back(client, provider.approve(address))
    assert (await client.get("/today/stages")).status_code == 200
    assert provider.refreshed == 1
    provider.refuses_refresh = True
    assert (await client.get("/today/stages")).headers["location"] == "/sign-in"
    await client.aclose()


async def test_a_provider_that_is_away_is_said(scene: Scene, provider: Provider) -> None:
    provider.away = True
    scene.app.state.issuer._provider_until = 0.0
    async with httpx.AsyncClient(base_url=scene.url, headers={"Accept-Language": "es"}) as client:
        answer = await client.get("/sign-in/start")
    assert answer.status_code == 503
    assert "no responde" in answer.text


async def test_of_many_requests_of_a_session_one_renews_its_token(scene: Scene, provider: Provider) -> None:
    provider.lifetime = 30
    client, address = await begin(scene)
    await come_back(client, provider.approve(address))
    provider.lifetime = 900
    provider.refresh_may_go.clear()
    requests = [asyncio.create_task(client.get("/today/withdrawals")) for _ in range(6)]
    # The renewal is held until the other requests have had time to begin one too.
    await asyncio.sleep(1)
    provider.refresh_may_go.set()
    answers = await asyncio.gather(*requests)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert provider.refreshed == 1
    await client.aclose()


async def test_a_session_outlives_a_provider_that_is_away_for_a_moment(scene: Scene, provider: Provider) -> None:
    provider.lifetime = 30
    client, address = await begin(scene)
    await come_back(client, provider.approve(address))
    provider.away = True
    scene.app.state.issuer._provider_until = 0.0
    assert (await client.get("/today/withdrawals")).status_code == 503
    provider.away = False
    assert (await client.get("/today/withdrawals")).status_code == 200
    await client.aclose()
