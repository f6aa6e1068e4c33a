"""The assignment process: migrations, relays and consumers, HTTP."""

from chassis import create_app, serve, transport_from
from chassis.migrations import upgrade
from events.database import Database
from events.runtime import Runtime
from fastapi import FastAPI

from assignment.api import routers
from assignment.handlers import consumer
from assignment.republishing import SOURCE
from assignment.settings import AssignmentSettings

SERVICE = "assignment"


def build_app(settings: AssignmentSettings, database: Database, runtime: Runtime | None) -> FastAPI:
    """The app on a database that has been migrated."""
    return create_app(
        service=SERVICE,
        title="Recobro assignment",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
    )


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = AssignmentSettings.load(SERVICE)
    upgrade(settings.database_url, "assignment.migrations")
    database = Database(settings.database_url)
    runtime = Runtime(SERVICE, database, transport_from(settings), consumer, agencies=True, source=SOURCE)
    serve(build_app(settings, database, runtime), settings.host, settings.port)
