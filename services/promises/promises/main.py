"""The promises process: migrations, relays and consumers, the watch over promises, HTTP."""

from chassis import create_app, serve, transport_from
from chassis.migrations import upgrade
from events.database import Database
from events.runtime import Runtime
from fastapi import FastAPI

from promises.api import routers
from promises.deciding import Watch
from promises.handlers import consumer
from promises.republishing import SOURCE
from promises.settings import PromisesSettings

SERVICE = "promises"


def build_app(settings: PromisesSettings, database: Database, runtime: Runtime | None) -> FastAPI:
    """The app, with its watch, on a database that has been migrated."""
    return create_app(
        service=SERVICE,
        title="Recobro promises",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[Watch(database).running],
    )


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = PromisesSettings.load(SERVICE)
    upgrade(settings.database_url, "promises.migrations")
    database = Database(settings.database_url)
    runtime = Runtime(SERVICE, database, transport_from(settings), consumer, source=SOURCE)
    serve(build_app(settings, database, runtime), settings.host, settings.port)
