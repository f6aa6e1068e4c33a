"""Checks the scopes of the caller's token. A route without a guard is closed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from chassis.principals import Principal
from chassis.problems import Forbidden, Unauthorised

OPEN_PATHS = frozenset({"/livez", "/readyz", "/startupz", "/metrics", "/docs", "/docs/{asset}", "/openapi.json"})
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="ES256, from `recobro token`")


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
