"""Every token of the table is refused with 401. Good tokens name their principal."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from chassis import tokens
from chassis.principals import Principal, WrongClaim
from chassis.problems import Unauthorised
from chassis.trust import TokenVerifier
from forged_tokens import FORGED
from forging import KEY, RSA_KEY, claims, signed, signed_text, verifier_of, with_header


@pytest.fixture(scope="module")
async def verifier() -> AsyncIterator[TokenVerifier]:
    made = verifier_of(KEY, RSA_KEY)
    async with made.opened():
        yield made


async def found(verifier: TokenVerifier, token: str) -> Principal:
    return await verifier.principal([f"Bearer {token}"])


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_or_stale_token_is_refused(verifier: TokenVerifier, name: str) -> None:
    with pytest.raises(Unauthorised) as refused:
        await found(verifier, FORGED[name]())
    assert (refused.value.status, refused.value.code) == (401, "invalid-token")
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    json.dumps(refused.value.document()).encode()


async def test_the_forgeries_differ_from_a_good_token_in_one_thing(verifier: TokenVerifier) -> None:
    """The helpers that forge make good tokens too, or the table would prove nothing."""
    good, now = json.dumps(claims()), int(time.time())
    for token in (
        signed(),
        signed(RSA_KEY, {"alg": "RS256", "kid": RSA_KEY.kid}),
        signed_text(json.dumps({"alg": "ES256", "kid": KEY.kid}), good),
        with_header(json.dumps({"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"})),
        signed(nbf=now),
        signed(header={"jku": "https://evil.example/jwks.json", "x5u": "https://evil.example", "x5t": "a"}),
        signed(header={"jwk": tokens.generate_key().as_dict(private=False)}),
        signed(aud=["other", "recobro"], iat=now + 0.5, exp=now + 86400.5),
        signed(sub="María-José Ñandú, 経理 ❤", client_id="dialer", act={"sub": "crm"}),
    ):
        assert (await found(verifier, token)).role == "operator"


@pytest.mark.parametrize("headers", [[], [""], ["Bearer"], ["Bearer "], ["Basic YTpi"], ["Token abc"], ["bearerabc"]])
async def test_a_request_without_a_bearer_token_is_refused(verifier: TokenVerifier, headers: list[str]) -> None:
    with pytest.raises(Unauthorised) as refused:
        await verifier.principal(headers)
    assert refused.value.headers["WWW-Authenticate"] == "Bearer"


async def test_a_request_with_two_tokens_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthorised, match="invalid-token"):
        await verifier.principal([f"Bearer {signed()}", f"Bearer {signed()}"])


async def test_a_good_token_names_its_principal(verifier: TokenVerifier) -> None:
    agency, scopes = uuid4(), ["dialer-feed:read", "portfolio:read"]
    principal = await found(verifier, tokens.mint(KEY, "ana", scopes, agency, 60))
    assert principal == Principal("ana", frozenset(scopes), principal.token_id, agency_id=agency)
    operator = await verifier.principal([f"bearer {signed(aud=['other', 'recobro'], jti='1')}"])
    assert operator == Principal("ana", frozenset({"portfolio:read"}), "1", role="operator")


async def test_a_token_names_the_program_that_obtained_it(verifier: TokenVerifier) -> None:
    async def client_of(**changes: Any) -> str | None:
        return (await found(verifier, signed(**changes))).client

    assert await client_of() is None
    assert await client_of(azp="front-office") == "front-office"
    assert await client_of(azp="front-office", client_id="dialer") == "dialer"


async def test_the_delegate_acts_on_behalf_of_the_subject(verifier: TokenVerifier) -> None:
    own = await found(verifier, signed())
    assert (own.actor, own.on_behalf_of) == ("ana", None)
    chain = {"sub": "front-office", "act": {"sub": "earlier"}}
    delegated = await found(verifier, signed(act=chain))
    assert (delegated.actor, delegated.on_behalf_of) == ("front-office", "ana")
    minted = tokens.mint(KEY, "ana", [], None, 60, role="operator", client="crm", delegate="crm-1")
    principal = await found(verifier, minted)
    named = (principal.subject, principal.client, principal.actor, principal.on_behalf_of)
    assert named == ("ana", "crm", "crm-1", "ana")


def test_a_token_that_no_service_would_accept_is_not_made() -> None:
    with pytest.raises(WrongClaim, match="either an agency_id or the role"):
        tokens.mint(KEY, "ana", [], None, 60)
    with pytest.raises(WrongClaim, match="either an agency_id or the role"):
        tokens.mint(KEY, "ana", [], uuid4(), 60, role="operator")
    with pytest.raises(WrongClaim, match="sub must be"):
        tokens.mint(KEY, "", [], None, 60, role="operator")


async def test_clocks_may_differ_by_half_a_minute(verifier: TokenVerifier) -> None:
    now = int(time.time())
    assert (await found(verifier, signed(exp=now - 20, iat=now + 20))).subject == "ana"


async def test_the_longest_lifetime_is_a_setting() -> None:
    verifier = verifier_of(KEY, max_lifetime_seconds=300)
    now = int(time.time())
    async with verifier.opened():
        assert (await found(verifier, signed(iat=now, exp=now + 300))).subject == "ana"
        with pytest.raises(Unauthorised) as refused:
            await found(verifier, signed(iat=now, exp=now + 301))
    assert "300 seconds at most" in refused.value.detail


async def test_a_key_is_the_same_after_saving_and_loading(tmp_path: Path, verifier: TokenVerifier) -> None:
    tokens.save_private_key(KEY, tmp_path / "key.json")
    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600
    again = tokens.load_private_key(tmp_path / "key.json")
    assert (await found(verifier, tokens.mint(again, "ana", [], None, 60, role="operator"))).subject == "ana"


def test_a_key_set_holds_no_private_half() -> None:
    [published] = json.loads(tokens.jwks(KEY))["keys"]
    assert "d" not in published


@pytest.mark.parametrize("name", ["a deeply nested header", "brackets that never close", "crit null", "a NaN"])
async def test_a_service_answers_a_strange_token_with_401(client: httpx.AsyncClient, name: str) -> None:
    token = FORGED[name]()
    answer = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.json()["type"].endswith("invalid-token")
