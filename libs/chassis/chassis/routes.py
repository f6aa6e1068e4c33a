"""The route class of every service: authorise, read the body, run the endpoint in its transaction, answer.

The transaction is opened here, around FastAPI's own handler, and not by the dependency that returns it. The handler
returns a response whose body is already written. So the answer can be stored with its effects, the commit comes
before the first byte leaves, and an attempt that lost a deadlock is rolled back before the next one starts.
"""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import unquote_to_bytes

import asyncpg
import structlog
from fastapi import APIRouter, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from recobro_events import SESSION_SETTINGS, Database
from recobro_platform import AGENCY_ROLE
from starlette.responses import Response, StreamingResponse

from chassis import audit, idempotency, metrics
from chassis.auth import Guard, calls_of, guards_of
from chassis.bodies import DEFAULT_MAX_BYTES, BodyRule, ServiceRequest
from chassis.idempotency import Key, key_of
from chassis.lag import once_known
from chassis.limits import ClassOf, RouteClass
from chassis.principals import Principal
from chassis.problems import FieldError, Forbidden, Invalid, KeptRefusal, Problem
from chassis.transactions import act_for_agency, act_for_service, read_connection, write_transaction
from chassis.trust import TokenVerifier
from chassis.turns import begin_turn

ATTEMPTS = 3
MAX_QUERY_BYTES = 8192
REPEATABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_log = structlog.get_logger(__name__)
_Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to run a route, from its declaration."""

    guards: tuple[Guard, ...]
    body: BodyRule
    takes_json: bool
    parameters: frozenset[str]
    transacts: bool
    takes_key: bool
    repeats: bool
    changes: bool
    reads_in_bulk: bool
    route_class: RouteClass

    @classmethod
    def of(cls, route: APIRoute) -> Self:
        calls = list(calls_of(route.dependant))
        rules = [call for call in calls if isinstance(call, BodyRule)]
        transacts = write_transaction in calls
        if transacts and read_connection in calls:
            raise TypeError(
                f"{route.path}: a route with a transaction must read through it, since a request takes one connection"
            )
        if transacts and rules and rules[-1].streamed:
            raise TypeError(f"{route.path}: a route with a streamed body cannot have a transaction")
        return cls(
            guards=guards_of(route.dependant),
            body=rules[-1] if rules else BodyRule(),
            takes_json=route.body_field is not None and not isinstance(route.body_field.field_info, params.Form),
            parameters=frozenset(_parameters_of(route.dependant)),
            transacts=transacts,
            takes_key="POST" in (route.methods or ()),
            # A connection for reading is returned only after the last attempt.
            repeats=not (transacts or read_connection in calls or (rules and rules[-1].streamed)),
            changes=not {"GET", "HEAD"}.issuperset(route.methods or ()),
            reads_in_bulk=audit.BULK_READ in calls,
            route_class=_class_of(route, calls, rules),
        )


def _parameters_of(dependant: Dependant) -> Iterator[str]:
    """The names of the query parameters of a route and of what it depends on. A model's fields are parameters."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (member.alias or name for name, member in kind.model_fields.items())
        else:
            yield field.alias
    for inner in dependant.dependencies:
        yield from _parameters_of(inner)


def _class_of(route: APIRoute, calls: Sequence[Any], rules: Sequence[BodyRule]) -> RouteClass:
    if marked := [call for call in calls if isinstance(call, ClassOf)]:
        return marked[-1].route_class
    takes_much = any(rule.streamed or rule.max_bytes > DEFAULT_MAX_BYTES for rule in rules)
    if takes_much or (isinstance(route.response_class, type) and issubclass(route.response_class, StreamingResponse)):
        return RouteClass.TRANSFER
    return RouteClass.READ if {"GET", "HEAD"}.issuperset(route.methods or ()) else RouteClass.WRITE


class _RolledBack(Exception):
    """An error answer. The writes of the endpoint must be rolled back."""

    def __init__(self, response: Response) -> None:
        self.response = response


class ServiceRoute(APIRoute):
    """A route that is closed without a guard, transactional if it asks for a transaction, and idempotent by key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: _Endpoint = super().get_route_handler()
        plan = _Plan.of(self)
        if plan.repeats:
            endpoint = _repeating(endpoint)

        async def answer(request: Request) -> Response:
            return await _answer(plan, endpoint, ServiceRequest(request.scope, request.receive))

        return answer


def operation_id_of(route: APIRoute) -> str:
    """The id of the operation in the OpenAPI document."""
    return route.name


class Router(APIRouter):
    """The router of every service. It takes the prefix and the guards of all its routes."""

    def __init__(self, *, prefix: str = "", tags: list[str] | None = None, dependencies: Any = None) -> None:
        super().__init__(
            prefix=prefix,
            tags=cast(Any, tags),
            dependencies=dependencies,
            route_class=ServiceRoute,
            redirect_slashes=False,
            generate_unique_id_function=operation_id_of,
        )


async def _answer(plan: _Plan, endpoint: _Endpoint, request: ServiceRequest) -> Response:
    request.state.principal = await _authorise(plan, request)
    # A client that polls asks all day. The metrics count these requests, and the log has only those that fail.
    request.state.polled = "wait" in plan.parameters
    if "\0" in request.url.path or b"\0" in unquote_to_bytes(request.scope["query_string"]):
        raise Problem("The address has a NUL character.", status=400, code="control-character")
    if len(request.scope["query_string"]) > MAX_QUERY_BYTES:
        raise Problem(f"The query may have {MAX_QUERY_BYTES} bytes.", status=414, code="query-too-long")
    _refuse_unknown_parameters(plan, request)
    turn = await begin_turn(request, request.state.principal, plan.route_class)
    if turn.keeps_its_place:
        await turn.work()
    await request.read(plan.body, takes_json=plan.takes_json)
    await turn.work()
    try:
        return await _worked_on(plan, endpoint, request)
    finally:
        turn.rest()


def _refuse_unknown_parameters(plan: _Plan, request: Request) -> None:
    """A filter with a typing error must not show everything."""
    if unknown := sorted(set(request.query_params) - plan.parameters):
        known = f"It knows {', '.join(sorted(plan.parameters))}." if plan.parameters else "It knows none."
        raise Invalid(
            f"This address does not know a parameter of the query. {known}",
            code="unknown-parameter",
            errors=[FieldError(f"/query/{name[:100]}", "is unknown") for name in unknown[:20]],
        )


async def _worked_on(plan: _Plan, endpoint: _Endpoint, request: ServiceRequest) -> Response:
    key = key_of(request) if plan.takes_key else None
    # The outermost middleware takes the settings back, because a streamed answer is sent after this.
    SESSION_SETTINGS.set(_settings_of(plan, request))
    if plan.transacts:
        return await once_known(lambda: _in_transaction(endpoint, request, key))
    return await _recorded(plan, endpoint, request, key)


def _settings_of(plan: _Plan, request: ServiceRequest) -> dict[str, str]:
    principal = cast(Principal, request.state.principal)
    settings: dict[str, str] = {}
    if principal.agency_id is not None:
        settings |= {"role": AGENCY_ROLE, "app.agency_id": str(principal.agency_id)}
    if plan.changes or plan.reads_in_bulk:
        settings |= audit.actor_setting(principal, request.state.request_id)
    return settings


async def _recorded(plan: _Plan, endpoint: _Endpoint, request: ServiceRequest, key: Key | None) -> Response:
    """Run an endpoint without a transaction. If it changes something, an entry before it says so, and one after it."""
    database = cast(Database, request.app.state.database)
    if plan.changes or plan.reads_in_bulk:
        await audit.record_alone(database, request, None, None)
    if key is not None and not plan.body.streamed:
        response = await _with_known_body(endpoint, request, key)
    else:
        response = await endpoint(request)
    if plan.changes:
        await audit.record_alone(database, request, response.status_code, response)
    return response


async def _authorise(plan: _Plan, request: Request) -> Principal:
    verifier = cast(TokenVerifier, request.app.state.token_verifier)
    principal = await verifier.principal(request.headers.getlist("authorization"))
    if not plan.guards:
        raise Forbidden("Nobody may use this route.", code="closed")
    for guard in plan.guards:
        guard.admit(principal)
    return principal


def _repeating(endpoint: _Endpoint) -> _Endpoint:
    async def answer(request: Request) -> Response:
        return await once_known(lambda: endpoint(request))

    return answer


async def _in_transaction(endpoint: _Endpoint, request: ServiceRequest, key: Key | None) -> Response:
    """Run the endpoint and commit. Repeat the whole attempt after a deadlock or a serialization failure."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await _attempt(endpoint, request, key)
        except REPEATABLE as error:
            metrics.TRANSACTIONS_REPEATED.inc()
            _log.warning("transaction_repeated", attempt=attempt, error=type(error).__name__)
    return await _attempt(endpoint, request, key)


async def _attempt(endpoint: _Endpoint, request: ServiceRequest, key: Key | None) -> Response:
    database = cast(Database, request.app.state.database)
    try:
        async with database.transaction() as tx:
            request.state.tx = tx
            if key is not None:
                digests = await _digests_of(request)
                await act_for_service(tx)
                if (known := await idempotency.find_answer(tx, key, *digests)) is not None:
                    metrics.IDEMPOTENT_REPLAYS.inc()
                    return known
                await act_for_agency(tx)
            response = await endpoint(request)
            if response.status_code >= 400 and not isinstance(response, KeptRefusal):
                raise _RolledBack(response)
            if not hasattr(response, "body"):
                raise TypeError(
                    "an answer made in a transaction cannot be streamed, because the transaction ends first"
                )
            await act_for_service(tx)
            stored = idempotency.answer_of(key, digests[0], response) if key is not None else None
            await audit.record(tx, request, response.status_code, response, stored)
        return response
    except _RolledBack as refusal:
        return refusal.response


async def _with_known_body(endpoint: _Endpoint, request: ServiceRequest, key: Key) -> Response:
    """Run an endpoint that outlives its request and is idempotent by itself. The key only detects another body."""
    database = cast(Database, request.app.state.database)
    digests = await _digests_of(request)
    async with database.transaction() as tx:
        await act_for_service(tx)
        await idempotency.find_answer(tx, key, *digests)
    response = await endpoint(request)
    if response.status_code < 400:
        async with database.transaction() as tx:
            await act_for_service(tx)
            await idempotency.store_answer(tx, key, digests[0], None)
    return response


async def _digests_of(request: ServiceRequest) -> tuple[bytes, bytes]:
    """Return the digests of the content and of the body as it was sent, by which version 0.1 stored answers."""
    content, body = await request.content(), await request.body()
    return hashlib.sha256(content).digest(), hashlib.sha256(body).digest()
