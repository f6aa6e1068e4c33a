"""The app factory of every service process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from recobro_events import TRANSIENT_ERRORS, Database, Runtime, Tasks, end

from chassis import (
    audit,
    audit_api,
    consumer_api,
    docs,
    failures,
    health,
    idempotency,
    logs,
    openapi,
    public,
    unsent_api,
)
from chassis.auth import OPEN_PATHS
from chassis.background import Kept, keep
from chassis.bodies import LimitBodies
from chassis.limits import ADDRESS_LIMIT, Limiter
from chassis.observing import Observe
from chassis.process import Role
from chassis.routes import ServiceRoute, operation_id_of
from chassis.settings import Settings
from chassis.trust import TokenVerifier
from chassis.turns import EndTurns

PURGE_SECONDS = 3600.0
_TAGS = {
    "audit": "Who changed what, and who read much personal data.",
    "dead letters": "Events that this service could not apply, and keys that wait for them.",
    "unsent events": "Events that the broker refuses.",
    "rebuild": "The service asks the others to publish their facts again.",
}
_log = structlog.get_logger(__name__)
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def create_app(
    *,
    service: str,
    title: str,
    settings: Settings,
    database: Database,
    runtime: Runtime | None,
    routers: Sequence[APIRouter],
    description: str = "",
    tags: Mapping[str, str] = MappingProxyType({}),
    lifespan: Sequence[Lifespan | Kept] = (),
    background: Sequence[Lifespan | Kept] = (),
    role: Role = Role.ALL,
    pages: Sequence[public.PublicRouter] = (),
    trusted_proxies: Sequence[public.Network] = (),
) -> FastAPI:
    """Return a service's app. ``tags`` describes the groups of its routes; ``openapi.json`` shows them.

    It starts the database, the runtime, then ``lifespan`` and ``background`` in order, and stops them in reverse. If
    the ``role`` does not serve, the app has only the routes for health and metrics, and no ``lifespan``. If the role
    does not consume, the app has no ``background``. If the runtime has a consumer, the app also has the routes of
    ``consumer_api``. ``app.state`` holds ``settings``, ``database``, ``runtime``, ``tasks`` (those that are kept),
    ``started`` and ``stopping`` (an ``asyncio.Event``). The app refuses to start with a route that is not a
    ``ServiceRoute``, because such a route would be open to everyone. ``pages`` are open to everyone on purpose; their
    limits count by the address that ``trusted_proxies`` name.
    """
    logs.configure(service)
    verifier = TokenVerifier.of(settings) if role.serves else None
    app = FastAPI(
        title=title,
        version="1",
        description=description,
        openapi_tags=[{"name": name, "description": text} for name, text in {**tags, **_TAGS}.items()],
        generate_unique_id_function=operation_id_of,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(
            database,
            runtime,
            [
                *_tracing(service, settings.otlp_endpoint),
                *((verifier.opened, *verifier.tasks(), *lifespan) if verifier is not None else ()),
                *(
                    [
                        keep("purging of old answers", partial(_purge_for_ever, database)),
                        keep("sealing of the audit table", partial(audit.seal_for_ever, database)),
                        *background,
                    ]
                    if role.consumes
                    else ()
                ),
            ],
        ),
    )
    app.state.settings = settings
    app.state.database = database
    app.state.runtime = runtime
    app.state.tasks = Tasks(service)
    app.state.started = False
    app.state.stopping = asyncio.Event()
    app.state.token_verifier = verifier
    app.state.limiter = Limiter(settings.agency_limit, settings.operator_limit, ADDRESS_LIMIT)
    app.state.public_limiter = public.limiter()
    app.state.trusted_proxies = trusted_proxies
    failures.install(app)
    app.add_middleware(LimitBodies)
    app.add_middleware(EndTurns, limiter=app.state.limiter)
    app.add_middleware(Observe)
    app.include_router(health.router)
    app.include_router(docs.router)
    if role.serves:
        has_consumer = runtime is not None and runtime.consumer is not None
        for router in (
            *routers,
            *pages,
            audit_api.router_of(service),
            *((*consumer_api.routers_of(service), unsent_api.router_of(service)) if has_consumer else ()),
        ):
            # FastAPI would look for the route of each request twice in an included router.
            app.router.routes.extend(router.routes)
    openapi.install(app)
    return app


def _tracing(service: str, endpoint: str | None) -> Sequence[Lifespan]:
    if endpoint is None:
        return []
    # The import takes a tenth of a second, and most processes export no traces.
    from chassis.traces import exporting

    return [exporting(service, endpoint)]


def _lifespan(
    database: Database, runtime: Runtime | None, others: Sequence[Lifespan | Kept]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        refuse_open_routes(app)
        async with AsyncExitStack() as stack:
            await database.open()
            stack.push_async_callback(database.close)
            if runtime is not None:
                stack.push_async_callback(runtime.stop)
                await runtime.start()
            for other in others:
                if isinstance(other, Kept):
                    stack.push_async_callback(end, app.state.tasks.start(other.name, other.run))
                else:
                    await stack.enter_async_context(other())
            app.state.started = True
            _log.info("started")
            yield
            app.state.stopping.set()
            app.state.started = False
        _log.info("stopped")

    return run


def refuse_open_routes(app: FastAPI) -> None:
    """Raise ``TypeError`` if a route would bypass authorisation."""
    for context in iter_route_contexts(app.routes):
        allowed = (ServiceRoute, public.PublicRoute)
        if context.path not in OPEN_PATHS and not isinstance(context.original_route, allowed):
            raise TypeError(f"{context.path} is not a route of chassis.Router: it would be open to everyone")


async def _purge_for_ever(database: Database) -> None:
    while True:
        try:
            deleted = await idempotency.purge(database)
            _log.info("old_answers_deleted", deleted=deleted)
        except TRANSIENT_ERRORS:
            _log.warning("old_answers_not_deleted", exc_info=True)
        await asyncio.sleep(PURGE_SECONDS)
