"""Makes tokens, for the command line, the embedded platform and tests. Services only verify them."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.principals import Principal

ALGORITHM = "ES256"


def generate_key() -> ECKey:
    """Return a new P-256 signing key. Its id is its thumbprint (RFC 7638)."""
    return ECKey.generate_key("P-256", auto_kid=True)


def jwks(*keys: ECKey) -> str:
    """Return the public halves as a JWK set in JSON, the content of ``RECOBRO_JWT_PUBLIC_KEY_FILE``."""
    return json.dumps({"keys": [public_member(key) for key in keys]}, indent=2)


def public_member(key: ECKey) -> dict[str, Any]:
    """Return the public half as a member of a JWK set."""
    return key.as_dict(private=False) | {"alg": ALGORITHM, "use": "sig"}


def save_private_key(key: ECKey, file: Path) -> None:
    """Write the key with its private half. Only the owner can read the file."""
    file.touch(mode=0o600)
    file.write_text(json.dumps(key.as_dict(private=True)))


def load_private_key(file: Path) -> ECKey:
    """Read a key that ``save_private_key`` wrote."""
    return ECKey.import_key(json.loads(file.read_text()))


def mint(
    private_key: ECKey,
    subject: str,
    scopes: Iterable[str],
    agency_id: UUID | None,
    ttl_seconds: int,
    *,
    role: str | None = None,
    client: str | None = None,
    delegate: str | None = None,
    issuer: str = "recobro",
    audience: str = "recobro",
) -> str:
    """Return a signed token for ``subject``, valid for ``ttl_seconds``.

    It needs an ``agency_id``, or the role "operator". With ``delegate``, that party acts on behalf of ``subject``.
    Raises ``WrongClaim`` if no service would accept the token's claims.
    """
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + ttl_seconds,
        "jti": str(uuid4()),
        "scope": " ".join(sorted(scopes)),
    }
    if agency_id is not None:
        claims["agency_id"] = str(agency_id)
    if role is not None:
        claims["role"] = role
    if client is not None:
        claims["client_id"] = client
    if delegate is not None:
        claims["act"] = {"sub": delegate}
    Principal.of(claims)
    return jwt.encode({"alg": ALGORITHM, "kid": private_key.kid}, claims, private_key, algorithms=[ALGORITHM])
