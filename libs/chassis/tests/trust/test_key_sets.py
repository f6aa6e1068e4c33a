"""Which keys of a JWK set are used, and what is no JWK set."""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from chassis.principals import WrongToken
from chassis.trust import KeyRing, SignedToken, UnknownKey
from forging import KEY, RSA_KEY, key_set, signed
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

with pytest.warns(SecurityWarning):
    SHORT = RSAKey.generate_key(1024).as_dict(private=False)
PUBLIC = KEY.as_dict(private=False)


def ring(*members: Any) -> KeyRing:
    return KeyRing.parse(json.dumps({"keys": members}).encode())


def test_both_kinds_of_keys_verify() -> None:
    keys = KeyRing.parse(key_set(KEY, RSA_KEY))
    keys.verify(SignedToken.parse(signed()))
    keys.verify(SignedToken.parse(signed(RSA_KEY, {"alg": "RS256", "kid": RSA_KEY.kid})))


def test_a_token_without_kid_is_verified_by_the_only_key() -> None:
    token = SignedToken.parse(signed(header={"kid": None}))
    ring(PUBLIC).verify(token)
    with pytest.raises(UnknownKey):
        KeyRing.parse(key_set(KEY, RSA_KEY)).verify(token)


def test_a_key_without_kid_has_its_thumbprint() -> None:
    nameless = {name: value for name, value in PUBLIC.items() if name != "kid"}
    ring(nameless).verify(SignedToken.parse(signed()))


@pytest.mark.parametrize(
    "member",
    [
        PUBLIC | {"use": "enc"},
        PUBLIC | {"alg": "ES384"},
        PUBLIC | {"alg": "RS256"},
        PUBLIC | {"key_ops": ["encrypt"]},
        PUBLIC | {"key_ops": 5},
        PUBLIC | {"kty": "unheard-of"},
        PUBLIC | {"kty": ["EC"]},
        PUBLIC | {"crv": "P-384"},
        PUBLIC | {"x": "AAAA"},
        PUBLIC | {"x": 5},
        PUBLIC | {"kid": 5},
        PUBLIC | {"exp": "tomorrow"},
        PUBLIC | {"exp": None},
        PUBLIC | {"exp": True},
        PUBLIC | {"exp": float("nan")},
        PUBLIC | {"exp": 10**400},
        {"kty": "EC"},
        {},
        None,
        "key",
        OctKey.generate_key(256).as_dict(private=True),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
        ECKey.generate_key("P-521").as_dict(private=False),
        SHORT,
        RSA_KEY.as_dict(private=False) | {"alg": "RSA-OAEP-256", "use": "enc"},
    ],
)
@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_that_cannot_verify_is_ignored(member: Any) -> None:
    assert len(ring(member)) == 0
    assert len(ring(member, PUBLIC)) == 1


def test_a_key_verifies_nothing_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a token that the same set has verified before."""
    token, end = SignedToken.parse(signed()), time.time() + 60
    keys = ring(PUBLIC | {"exp": end})
    keys.verify(token)
    monkeypatch.setattr("chassis.trust.key_ring.time", SimpleNamespace(time=lambda: end))
    with pytest.raises(WrongToken, match="not used any more"):
        keys.verify(token)


def test_a_private_half_is_not_kept() -> None:
    keys = ring(KEY.as_dict(private=True))
    assert not any(key.is_private for key in keys._keys.values())
    keys.verify(SignedToken.parse(signed()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>503</html>",
        b"[]",
        b"null",
        b'"keys"',
        b"{}",
        b'{"keys": {}}',
        b'{"keys": 5}',
        b"\xff\xfe",
        b"[" * 100_000,
        key_set(KEY)[:-5],
        json.dumps({"keys": [PUBLIC] * 101}).encode(),
        json.dumps({"keys": [PUBLIC, RSA_KEY.as_dict(private=False) | {"kid": KEY.kid}]}).encode(),
    ],
)
def test_what_is_no_usable_set_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a JWK set|two keys"):
        KeyRing.parse(content)


def test_an_empty_set_is_a_set() -> None:
    """Who revokes all keys at once must not be overheard."""
    with pytest.raises(UnknownKey):
        ring().verify(SignedToken.parse(signed()))
