"""Pages that are open to everyone: people without an account read them in a browser.

A service has them under a path of their own, so that a gateway can let in this path and nothing else. The caller is an
address. It has few requests a second, and all public pages together few places to work, so that a flood of them leaves
the routes of the API alone.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Scope

from chassis.bodies import READ_TIMEOUT_SECONDS, allow_body
from chassis.limits import Limit, Limiter
from chassis.problems import Problem
from chassis.turns import begin_turn_of_address

Network = IPv4Network | IPv6Network
MAX_FORM_BYTES = 16 * 1024
MAX_FORM_FIELDS = 60
PUBLIC_LIMIT = Limit(per_second=5, per_day=20_000, bytes_per_day=10**9, at_once=2, all_at_once=4, open_at_once=20)
"""★ Of one address. A page is two requests; a debtor sends a form every few seconds at most."""
_FORM = "application/x-www-form-urlencoded"


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks that a text names, divided by commas. ``ValueError`` for one that is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def limiter() -> Limiter:
    return Limiter(PUBLIC_LIMIT, PUBLIC_LIMIT, PUBLIC_LIMIT)


class PublicRoute(APIRoute):
    """A route without authorisation. ``refused`` makes the answer to a request that failed or asks too much."""

    async def refused(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        raise error

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()

        async def answer(request: Request) -> Response:
            allow_body(request.scope, MAX_FORM_BYTES)
            address = address_of(request.scope, request.app.state.trusted_proxies)
            try:
                turn = await begin_turn_of_address(request, request.app.state.public_limiter, address)
                await turn.work()
                try:
                    return await endpoint(request)
                finally:
                    turn.rest()
            except Exception as error:  # noqa: BLE001 - a page says it to a person; ``refused`` logs what is our mistake
                return await self.refused(request, error)

        return answer


class PublicRouter(APIRouter):
    """The router of a service's public pages. Its routes are not in the OpenAPI document."""

    def __init__(self, prefix: str, route_class: type[PublicRoute]) -> None:
        super().__init__(prefix=prefix, route_class=route_class, include_in_schema=False, redirect_slashes=False)


async def form_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form that a browser has sent. 415 for another body, 400 for one that is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("Send the form as a browser does.", status=415, code="unsupported-media-type")
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            body = await request.body()
    except TimeoutError:
        raise Problem("The body did not arrive in time.", status=408, code="body-too-slow") from None
    fields: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict"
        ):
            fields.setdefault(name, []).append(value)
    except ValueError:
        raise Problem("This is no form.", status=400, code="malformed-form") from None
    return fields


def address_of(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return the address of the client. A trusted proxy names it; whatever anybody else writes counts for nothing.

    Of an IPv6 address only the network counts, because one customer has all the addresses of it.
    """
    address = _parsed(scope["client"][0]) if scope.get("client") else None
    hops = list(_forwarded(scope))
    while address is not None and hops and any(address in network for network in proxies):
        if (nearer := _parsed(hops.pop())) is None:
            break
        address = nearer
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address or "")


def _forwarded(scope: Scope) -> Iterator[str]:
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            yield from (part.strip() for part in value.decode("latin-1").split(","))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
