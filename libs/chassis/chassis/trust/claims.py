"""What the standard claims of a token must say."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.principals import WrongClaim

LEEWAY_SECONDS = 30
LATEST = 1 << 33
"""In the year 2242."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """The issuer and audience that a token must name, and how long it may be valid."""

    issuer: str
    audience: str
    max_lifetime_seconds: int

    def check(self, claims: Mapping[str, Any], now: float) -> None:
        """Raises ``WrongClaim`` if the token is not for this platform, or not valid at ``now``."""
        if claims.get("iss") != self.issuer:
            raise WrongClaim("The token's iss is not the issuer that is trusted here.")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self.audience not in audiences or not all(isinstance(each, str) for each in audiences):
            raise WrongClaim("The token's aud does not name this platform.")
        self._check_times(claims, now)

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
        if expires_at <= now - LEEWAY_SECONDS:
            raise WrongClaim("The token has expired.")
        if issued_at > now + LEEWAY_SECONDS:
            raise WrongClaim("The token's iat is in the future.")
        if "nbf" in claims and _moment(claims, "nbf") > now + LEEWAY_SECONDS:
            raise WrongClaim("The token is not valid yet.")
        if expires_at - issued_at > self.max_lifetime_seconds:
            raise WrongClaim(f"From iat to exp the token may be valid for {self.max_lifetime_seconds} seconds at most.")


def _moment(claims: Mapping[str, Any], claim: str) -> float:
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongClaim(f"The token's {claim} must be a number of seconds.")
    if not math.isfinite(value) or not 0 <= value <= LATEST:
        raise WrongClaim(f"The token's {claim} is no moment that we accept.")
    return value
