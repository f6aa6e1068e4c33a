"""Builds the console's app."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import structlog
from chassis import health
from chassis.limits import ADDRESS_LIMIT, Limiter
from chassis.observing import Observe
from chassis.turns import EndTurns
from fastapi import FastAPI, Request
from recobro_events import TRANSIENT_ERRORS, Database, Tasks, Transport, end
from starlette.responses import RedirectResponse, Response

from recobro_console import failures, static_files
from recobro_console.agencies import api as agencies
from recobro_console.agencies import many
from recobro_console.agencies import rules as placement_rules
from recobro_console.calls import TIMEOUT
from recobro_console.contracts import acting, noticing, pauses
from recobro_console.contracts import api as contracts
from recobro_console.desk import api as desk
from recobro_console.files import api as files
from recobro_console.files import bands, preview, rejects
from recobro_console.files import portfolios as new_portfolios
from recobro_console.guard import Guard
from recobro_console.insight import api as insight
from recobro_console.lists import api as lists
from recobro_console.lists import codes, demands, evidence
from recobro_console.live import api as live
from recobro_console.live.hub import Hub
from recobro_console.operations import api as operations
from recobro_console.operations import audit, backups, letters, topics
from recobro_console.pages import SECTIONS
from recobro_console.payments import api as payments
from recobro_console.preferences import api as preferences
from recobro_console.promises import api as promises
from recobro_console.promises import deciding
from recobro_console.sessions import api as sessions
from recobro_console.sessions.store import Store
from recobro_console.sessions.tokens import Issuer, Tokens
from recobro_console.settings import ConsoleSettings
from recobro_console.strategy import api as strategy
from recobro_console.strategy import authority, offers
from recobro_console.today import api as today
from recobro_console.today import staging
from recobro_console.visits import api as visits
from recobro_console.visits import door

ROUTERS = (
    many.router,
    placement_rules.router,
    agencies.staff,
    agencies.router,
    today.router,
    staging.router,
    demands.router,
    evidence.router,
    codes.staff,
    codes.router,
    lists.staff,
    lists.router,
    new_portfolios.router,
    rejects.router,
    preview.router,
    bands.router,
    files.router,
    payments.router,
    pauses.router,
    contracts.staff,
    contracts.router,
    noticing.router,
    acting.router,
    promises.router,
    deciding.router,
    operations.router,
    audit.router,
    backups.router,
    topics.router,
    letters.router,
    visits.staff,
    visits.router,
    door.router,
    insight.router,
    offers.router,
    authority.router,
    strategy.router,
    desk.router,
)
"""The sections. A new one gets a line here and in ``recobro_console.pages.SECTIONS``."""

_PURGE_SECONDS = 3600.0
_MOST_CALLS = 200
_log = structlog.get_logger(__name__)


def client() -> httpx.AsyncClient:
    """Return the client with which the console calls the services and the identity provider."""
    return httpx.AsyncClient(timeout=TIMEOUT, limits=httpx.Limits(max_connections=_MOST_CALLS), follow_redirects=False)


def create_app(
    settings: ConsoleSettings,
    database: Database,
    transport: Callable[[], Transport],
    issuer: Issuer,
    http: httpx.AsyncClient,
    addresses: Mapping[str, str] | None = None,
) -> FastAPI:
    """Return the console's app on a migrated database. ``addresses`` are the settings' by default.

    Raises ``WrongVendorFile`` if a third-party script is not the one that is pinned.
    """
    static_files.check_vendor()
    store = Store(database)
    hub = Hub(transport)
    app = FastAPI(title="Recobro console", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.settings = settings
    app.state.database, app.state.runtime, app.state.token_verifier = database, None, None
    app.state.tasks = Tasks("console")
    app.state.started = False
    app.state.stopping = asyncio.Event()
    app.state.store, app.state.hub, app.state.issuer = store, hub, issuer
    app.state.tokens = Tokens(store, issuer)
    app.state.addresses = dict(addresses or settings.services)
    app.state.http = http
    app.state.limiter = Limiter(settings.agency_limit, settings.operator_limit, ADDRESS_LIMIT)
    failures.install(app)
    app.add_middleware(EndTurns, limiter=app.state.limiter)
    app.add_middleware(Guard, of=app)
    app.add_middleware(Observe, pages=True)
    app.include_router(health.router)
    for router in (
        static_files.router,
        sessions.router,
        sessions.signed_in,
        preferences.router,
        live.router,
        *ROUTERS,
    ):
        app.include_router(router)

    @app.get("/", include_in_schema=False)
    async def home(request: Request) -> Response:
        """The first page that the user may see."""
        session = request.state.session
        if session is None:
            return RedirectResponse("/sign-in", 303)
        return RedirectResponse(next(each.path for each in SECTIONS if session.role in each.roles), 303)

    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await app.state.database.open()
        stack.push_async_callback(app.state.database.close)
        stack.push_async_callback(app.state.http.aclose)
        for name, run in (("live events", app.state.hub.run), ("purging of sessions", lambda: _purge(app.state.store))):
            stack.push_async_callback(end, app.state.tasks.start(name, run))
        app.state.started = True
        _log.info("started")
        yield
        app.state.stopping.set()
        app.state.started = False
        app.state.tasks.stop()


async def _purge(store: Store) -> None:
    while True:
        try:
            await store.purge()
        except TRANSIENT_ERRORS:
            _log.warning("old_sessions_not_deleted", exc_info=True)
        await asyncio.sleep(_PURGE_SECONDS)
