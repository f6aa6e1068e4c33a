"""The public keys of tokens, from a JWK set (RFC 7517)."""

import json
import math
import time
from collections.abc import Mapping
from typing import Any, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from chassis.principals import WrongToken
from chassis.trust.claims import LATEST
from chassis.trust.jws import ALGORITHMS, SignedToken

MAX_KEYS = 100
MAX_VERIFIED = 1000
"""The most signatures that are verified only once, because verifying costs more than all else about a token."""
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid")
_signatures = JWSRegistry(algorithms=ALGORITHMS)
Key = ECKey | RSAKey


class UnknownKey(WrongToken):
    """No key of the set has the token's key id. A newer set may have it."""

    def __init__(self) -> None:
        super().__init__("The token's key is not one that is trusted here.")


class KeyRing:
    """The keys of a JWK set that can verify ES256 or RS256. Other keys of the set are ignored.

    A key with a member ``exp`` verifies nothing from that moment on.
    """

    def __init__(
        self, keys: Mapping[str, Key], *, ends: Mapping[str, float] | None = None, has_private: bool = False
    ) -> None:
        self._keys, self._ends = dict(keys), dict(ends or {})
        self._verified: set[tuple[bytes, bytes]] = set()
        self.has_private = has_private
        """Whether the set had a private half of a key. It is not kept."""

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ``ValueError`` with a sentence if the content is not a JWK set."""
        try:
            listed = json.loads(content)["keys"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError("it is not a JWK set") from None
        if not isinstance(listed, list) or len(listed) > MAX_KEYS:
            raise ValueError(f"it is not a JWK set of at most {MAX_KEYS} keys")
        keys: dict[str, Key] = {}
        ends: dict[str, float] = {}
        for member, key in ((member, usable) for member in listed if (usable := _usable(member)) is not None):
            if keys.setdefault(str(key.kid), key) is not key:
                raise ValueError("two keys have one kid")
            ends[str(key.kid)] = member.get("exp", math.inf)
        return cls(keys, ends=ends, has_private=any(isinstance(each, dict) and "d" in each for each in listed))

    def verify(self, token: SignedToken) -> None:
        """Raises ``UnknownKey`` without a key for the token, ``WrongToken`` if the key has not signed it."""
        key = self._key(token.key_id)
        if _algorithm_of(key) != token.algorithm:
            raise WrongToken("The token's alg is not the one of its key.")
        self._verify_signature(token, key)
        if self._ends.get(str(key.kid), math.inf) <= time.time():
            raise WrongToken("The token's key is not used any more.")

    def _verify_signature(self, token: SignedToken, key: Key) -> None:
        # What was signed names the key, and a newer set of keys makes a new ring.
        known = (token.signed, token.signature)
        if known in self._verified:
            return
        if not _signatures.get_alg(token.algorithm).verify(token.signed, token.signature, key):
            raise WrongToken("The token's signature is wrong.")
        if len(self._verified) < MAX_VERIFIED:
            self._verified.add(known)

    def _key(self, key_id: str | None) -> Key:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if key_id is None or key_id not in self._keys:
            raise UnknownKey
        return self._keys[key_id]


def _algorithm_of(key: Key) -> str:
    return "ES256" if isinstance(key, ECKey) else "RS256"


def _usable(member: Any) -> Key | None:
    """Return the public key of a member of the set, or None if it cannot verify our tokens (RFC 7517, section 5)."""
    try:
        if member["kty"] not in ("EC", "RSA") or member.get("use", "sig") != "sig":
            return None
        if "verify" not in member.get("key_ops", ["verify"]):
            return None
        public = {name: member[name] for name in _PUBLIC_MEMBERS if name in member}
        key: Key = ECKey.import_key(public) if member["kty"] == "EC" else RSAKey.import_key(public)
        _signatures.get_alg(algorithm := _algorithm_of(key)).check_key(key)
        fits = member.get("alg", algorithm) == algorithm and _has_fitting_size(key) and _has_an_end(member)
    except (JoseError, AttributeError, KeyError, TypeError, ValueError):
        return None
    key.ensure_kid()
    return key if fits else None


def _has_an_end(member: Mapping[str, Any]) -> bool:
    """A key whose end cannot be read could be one that must not be used any more."""
    end = member.get("exp", 0)
    return isinstance(end, int | float) and not isinstance(end, bool) and 0 <= end <= LATEST


def _has_fitting_size(key: Key) -> bool:
    return isinstance(key, ECKey) or MIN_RSA_BITS <= key.public_key.key_size <= MAX_RSA_BITS
