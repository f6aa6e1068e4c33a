"""Authenticates the caller and checks the token's scopes. A route without a guard is closed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from chassis.principals import Principal, WrongClaim
from chassis.problems import Forbidden, Unauthorised

ALGORITHMS = ("ES256", "RS256")
LEEWAY_SECONDS = 30
OPEN_PATHS = frozenset({"/livez", "/readyz", "/startupz", "/metrics", "/docs", "/docs/{asset}", "/openapi.json"})
_MAX_TOKEN_LENGTH = 8192
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="ES256, from `recobro token`")


class TokenVerifier:
    """Verifies bearer tokens with the keys of one local JWK set."""

    def __init__(self, public_key_file: Path, issuer: str, audience: str) -> None:
        self._keys = KeySet.import_key_set(json.loads(public_key_file.read_text()))
        self._signatures = JWSRegistry(algorithms=list(ALGORITHMS))
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )

    def principal(self, authorization: str | None) -> Principal:
        """Return the principal of an ``Authorization`` header. Raises ``Unauthorised`` if its token is not valid."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorised()
        if len(token) > _MAX_TOKEN_LENGTH:
            raise _bad_token("The token is too long.")
        try:
            decoded = jwt.decode(token.strip(), self._keys, registry=self._signatures)
            self._claims.validate(decoded.claims)
            return Principal.of(decoded.claims)
        except WrongClaim as error:
            raise _bad_token(str(error)) from error
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _bad_token(f"The token was refused ({type(error).__name__}).") from error


def _bad_token(why: str) -> Unauthorised:
    problem = Unauthorised(f"The service does not accept this token. {why}", code="invalid-token")
    problem.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem


@dataclass(frozen=True, slots=True)
class Guard:
    """Marks a route with its required scope, and with whether an agency's token may use it."""

    scope: str
    agency: bool

    async def __call__(self, request: Request, _: Annotated[Any, Depends(_bearer)]) -> None:
        # The route authorises before it reads the body. This fails only if something bypassed the route.
        self.admit(principal_of(request))

    def admit(self, principal: Principal) -> None:
        if self.scope not in principal.scopes:
            raise Forbidden(f"The request needs the scope {self.scope}.", code="missing-scope")
        if principal.agency_id is not None and not self.agency:
            raise Forbidden("Agencies may not use this route.", code="agency-refused")


def reads(service: str, *, agency: bool = False) -> Any:
    """Require ``<service>:read``. For ``dependencies=[…]`` of a route or its Router."""
    return Depends(Guard(f"{service}:read", agency))


def writes(service: str, *, agency: bool = False) -> Any:
    """Require ``<service>:write``. For ``dependencies=[…]`` of a route or its Router."""
    return Depends(Guard(f"{service}:write", agency))


def principal_of(request: Request) -> Principal:
    """The caller of a request that a ``ServiceRoute`` has authorised."""
    principal = getattr(request.state, "principal", None)
    if principal is None:
        raise Unauthorised()
    return cast(Principal, principal)


async def current_principal(request: Request) -> Principal:
    return principal_of(request)


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def calls_of(dependant: Dependant) -> Iterator[Any]:
    """Yield every dependency that FastAPI calls for this route before its endpoint."""
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from calls_of(dependency)


def guards_of(dependant: Dependant) -> tuple[Guard, ...]:
    """Return the guards of a route. A route without guards is closed to everyone."""
    return tuple(call for call in calls_of(dependant) if isinstance(call, Guard))
