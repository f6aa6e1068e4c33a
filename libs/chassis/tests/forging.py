"""Tokens that no library makes: any header, any payload, any signature."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from chassis import metrics, tokens
from chassis.trust import ClaimRules, DenyList, KeyRing, TokenVerifier
from chassis.trust.watched import Read, Source, Watched
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

KEY = tokens.generate_key()
RSA_KEY = RSAKey.generate_key(2048, auto_kid=True)
_algorithms = JWSRegistry(algorithms=["ES256", "ES384", "ES512", "RS256", "RS384", "PS256"])


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of an operator's good token. A change to None removes a claim."""
    now = int(time.time())
    made = {"iss": "recobro", "aud": "recobro", "sub": "ana", "iat": now, "exp": now + 60, "jti": str(uuid4())}
    made |= {"scope": "portfolio:read", "role": "operator"}
    return {name: value for name, value in (made | changes).items() if value is not None}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed_text(header: str, payload: str | bytes, key: Any = KEY, algorithm: str = "ES256") -> str:
    """Sign a header and a payload as they are."""
    payload = payload.encode() if isinstance(payload, str) else payload
    text = f"{encoded(header.encode())}.{encoded(payload)}"
    return f"{text}.{encoded(_algorithms.get_alg(algorithm).sign(text.encode(), key))}"


def signed(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Sign good claims with ``changes``. ``header`` adds to the good header or replaces parts of it."""
    made = {"alg": "ES256", "kid": KEY.kid} | (header or {})
    algorithm = made["alg"] if made["alg"] in _algorithms.allowed else "ES256"  # type: ignore[operator]
    return signed_text(json.dumps(made), json.dumps(claims(**changes)), key, algorithm)


def with_header(text: str) -> str:
    return signed_text(text, json.dumps(claims()))


def with_payload(payload: str | bytes) -> str:
    """A properly signed token whose payload is the text as it is."""
    return signed_text(json.dumps({"alg": "ES256", "kid": KEY.kid}), payload)


def with_claim_text(claim: str, text: str) -> str:
    """A properly signed token in whose payload the value of the claim is the text as it is."""
    return with_payload(json.dumps(claims(**{claim: "<here>"})).replace('"<here>"', text))


def unsigned(header: dict[str, Any], *, signature: bytes = b"", **changes: Any) -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims(**changes)).encode(), signature]
    return ".".join(map(encoded, parts))


def spliced() -> str:
    """The claims of one token with the good signature of another."""
    header, _, signature = signed().split(".")
    return ".".join((header, unsigned({}, sub="eve").split(".")[1], signature))


def symmetric(secret: bytes) -> str:
    """An HS256 token signed with public text."""
    text = unsigned({"alg": "HS256", "kid": KEY.kid}).rpartition(".")[0]
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def an_agency(agency_id: Any, **changes: Any) -> str:
    return signed(role=None, agency_id=agency_id, **changes)


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def in_memory(content: bytes) -> Source:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Read]:
        async def read() -> bytes:
            return content

        yield read

    return opened


def verifier_of(*keys: Any, denied: bytes = b"", max_lifetime_seconds: int = 86400) -> TokenVerifier:
    """A verifier of these keys. It works inside its block ``opened``."""
    rules = ClaimRules("recobro", "recobro", max_lifetime_seconds)
    watched = partial(Watched, every_seconds=60.0, max_age_seconds=3600.0)
    return TokenVerifier(
        rules,
        watched("The set of public keys", in_memory(key_set(*keys)), KeyRing.parse, metrics.KEYS),
        watched("The list of revoked tokens", in_memory(denied), DenyList.parse, metrics.DENY_LIST),
    )
