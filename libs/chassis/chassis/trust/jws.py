"""The form of a token: a compact JWS (RFC 7515) whose payload is a JSON object."""

import base64
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from chassis import strict_json
from chassis.principals import WrongToken

MAX_LENGTH = 8192
ALGORITHMS = ("ES256", "RS256")
_LONGEST_KEY_ID = 256
_MAX_DEPTH = 8
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token whose header is acceptable. Its signature has not been verified."""

    algorithm: str
    key_id: str | None
    signed: bytes
    signature: bytes
    payload: bytes = field(repr=False)

    @classmethod
    def parse(cls, token: str) -> Self:
        """Raises ``WrongToken`` if the token has another form, or needs something that we do not support."""
        if len(token) > MAX_LENGTH:
            raise WrongToken("The token is too long.")
        if (parts := _COMPACT.fullmatch(token)) is None:
            raise WrongToken("The token is not a signed JSON Web Token.")
        header = _object(_decoded(parts[1]), "header")
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise WrongToken(f"The token's alg must be {' or '.join(ALGORITHMS)}.")
        if not (key_id is None or (isinstance(key_id, str) and 1 <= len(key_id) <= _LONGEST_KEY_ID)):
            raise WrongToken(f"The token's kid must be text of 1 to {_LONGEST_KEY_ID} characters.")
        _check_extensions(header)
        signed = f"{parts[1]}.{parts[2]}".encode()
        return cls(algorithm, key_id, signed, _decoded(parts[3]), _decoded(parts[2]))

    def claims(self) -> dict[str, Any]:
        """Return the claims. Verify the signature first. Raises ``WrongToken`` if they are not a JSON object."""
        return dict(_claims_of(self.payload))


@lru_cache(maxsize=256)
def _claims_of(payload: bytes) -> dict[str, Any]:
    return _object(payload, "payload")


def _check_extensions(header: dict[str, Any]) -> None:
    """Refuse what changes the meaning of a token. We support no extension, so every ``crit`` names one too many.

    Other parameters are ignored, as RFC 7515 (section 4) says. Nothing in a header may bring a key along.
    """
    for name in ("crit", "b64"):
        if name in header:
            raise WrongToken(f"The token's header has {name}, and no extension is supported.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise WrongToken("The token's typ must be JWT or at+jwt.")


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise WrongToken("The token is not base64url.") from None


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(text, max_depth=_MAX_DEPTH)
    except strict_json.NotStrict as error:
        raise WrongToken(f"The token's {what} is not JSON that we accept: {error}.") from None
    if not isinstance(value, dict):
        raise WrongToken(f"The token's {what} is not a JSON object.")
    return value
