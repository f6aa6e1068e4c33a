"""Builds the portfolio service's process from its settings."""

from chassis import Settings, create_app, serve, transport_from
from chassis.migrations import upgrade
from events.database import Database
from events.runtime import Runtime
from fastapi import FastAPI

from portfolio import contracts_api, files_api, portfolios_api, staging_api
from portfolio.handlers import consumer
from portfolio.loading import Loader
from portfolio.republishing import SOURCE

SERVICE = "portfolio"
MIGRATIONS = "portfolio.migrations"
ROUTERS = (portfolios_api.router, files_api.router, staging_api.router, contracts_api.router)


def build_app(settings: Settings, database: Database, runtime: Runtime | None, loader: Loader) -> FastAPI:
    """The app; while it runs, ``loader`` loads the files that it takes in."""
    app = create_app(
        service=SERVICE,
        title="Recobro portfolio",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=ROUTERS,
        lifespan=(loader.running,),
    )
    app.state.loader = loader
    return app


def main() -> None:
    """Migrate, then serve until SIGTERM or SIGINT."""
    settings = Settings.load(SERVICE)
    upgrade(settings.database_url, MIGRATIONS)
    database = Database(settings.database_url)
    runtime = Runtime(SERVICE, database, transport_from(settings), consumer, source=SOURCE)
    serve(build_app(settings, database, runtime, Loader(database)), settings.host, settings.port)
