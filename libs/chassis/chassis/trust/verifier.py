"""Verifies the token of a request with the keys that are trusted now."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from typing import Self

from chassis import metrics
from chassis.background import Kept, keep
from chassis.principals import Principal, WrongToken
from chassis.problems import Unauthorised
from chassis.settings import Settings
from chassis.trust import watched
from chassis.trust.claims import ClaimRules
from chassis.trust.deny_list import DenyList
from chassis.trust.jws import SignedToken
from chassis.trust.key_ring import KeyRing, UnknownKey
from chassis.trust.watched import Watched

MAX_KEYS_BYTES = 256 * 1024
MAX_DENIED_BYTES = 1024 * 1024
FILE_SECONDS = 5.0


class TokenVerifier:
    """Verifies bearer tokens. It works while the block of ``opened`` runs."""

    def __init__(self, rules: ClaimRules, keys: Watched[KeyRing], denied: Watched[DenyList] | None = None) -> None:
        self._rules, self._keys, self._denied = rules, keys, denied

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the verifier of a service."""
        timed = partial(Watched, max_age_seconds=settings.jwt_keys_max_age_seconds)
        source, every_seconds = _source_of_keys(settings)
        name = "The set of public keys"
        keys = timed(name, source, KeyRing.parse, metrics.KEYS, every_seconds=every_seconds)
        denied = None
        if settings.jwt_deny_file is not None:
            source, name = watched.file(settings.jwt_deny_file, MAX_DENIED_BYTES), "The list of revoked tokens"
            denied = timed(name, source, DenyList.parse, metrics.DENY_LIST, every_seconds=FILE_SECONDS)
        return cls(rules_of(settings), keys, denied)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Load the keys and the deny list once. While the block runs, tokens can be verified."""
        async with AsyncExitStack() as stack:
            for each in self._watched:
                await stack.enter_async_context(each.opened())
            yield

    def tasks(self) -> list[Kept]:
        """Return the tasks that load the keys and the deny list again and again."""
        found = [keep("loading of public keys", self._keys.load_for_ever)]
        if self._denied is not None:
            found.append(keep("loading of revoked tokens", self._denied.load_for_ever))
        return found

    async def principal(self, authorization: Sequence[str]) -> Principal:
        """Return the caller that the request's ``Authorization`` headers name.

        Raises ``Unauthorised`` if there is no valid token, ``Unavailable`` if the keys are too old to decide.
        """
        token = _bearer_token(authorization)
        try:
            signed = _parsed(token)
            try:
                self._keys.value.verify(signed)
            except UnknownKey:
                await self._keys.load_early()
                self._keys.value.verify(signed)
            principal = principal_of(signed, self._rules)
            if self._denied is not None:
                self._denied.value.check(principal)
        except WrongToken as error:
            raise _bad_token(str(error)) from error
        return principal

    def problems(self) -> list[str]:
        """Return why no token can be verified, in sentences."""
        found = [each.trouble or "" for each in self._watched if not each.usable]
        if self._keys.usable and not len(self._keys.value):
            found.append("The set of public keys has no key of ES256 or RS256")
        return found

    def warnings(self) -> list[str]:
        """Return what will become a problem unless somebody acts."""
        found = [each.trouble for each in self._watched if each.usable and each.trouble]
        if self._keys.usable and self._keys.value.has_private:
            found.append("The set of public keys has a private key, and every reader of it can make tokens. Remove it")
        return found

    @property
    def _watched(self) -> tuple[Watched[KeyRing] | Watched[DenyList], ...]:
        return (self._keys,) if self._denied is None else (self._keys, self._denied)


def _source_of_keys(settings: Settings) -> tuple[watched.Source, float]:
    """Return where the keys come from, and how often they are loaded."""
    if settings.jwt_jwks_url is not None:
        return watched.url(settings.jwt_jwks_url, MAX_KEYS_BYTES), settings.jwt_jwks_refresh_seconds
    assert settings.jwt_public_key_file is not None
    return watched.file(settings.jwt_public_key_file, MAX_KEYS_BYTES), FILE_SECONDS


def rules_of(settings: Settings) -> ClaimRules:
    return ClaimRules(settings.jwt_issuer, settings.jwt_audience, settings.jwt_max_lifetime_seconds)


def principal_of(verified: SignedToken, rules: ClaimRules) -> Principal:
    """Return the principal of a token whose signature has been verified."""
    claims = verified.claims()
    rules.check(claims, time.time())
    return Principal.of(claims)


@lru_cache(maxsize=256)
def _parsed(token: str) -> SignedToken:
    """The parts of this token. Its signature, its times and its revocation are checked with every request."""
    return SignedToken.parse(token)


def _bearer_token(authorization: Sequence[str]) -> str:
    if len(authorization) > 1:
        raise _bad_token("Send one Authorization header.")
    scheme, _, token = (authorization[0] if authorization else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip(" "):
        raise Unauthorised()
    return token.strip(" ")


def _bad_token(why: str) -> Unauthorised:
    problem = Unauthorised(f"Your token is not valid here. {why}", code="invalid-token")
    problem.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem
