"""The field-visits process: migrations, relays and consumers, HTTP."""

from chassis import create_app, serve, transport_from
from chassis.migrations import upgrade
from events.database import Database
from events.runtime import Runtime
from fastapi import FastAPI

from field_visits.album import Album
from field_visits.api import routers
from field_visits.documents import Press
from field_visits.handlers import consumer
from field_visits.republishing import SOURCE
from field_visits.settings import FieldVisitsSettings

SERVICE = "field-visits"


def build_app(settings: FieldVisitsSettings, database: Database, runtime: Runtime | None) -> FastAPI:
    """The app, with its press and its album of photos, on a database that has been migrated."""
    press = Press()
    app = create_app(
        service=SERVICE,
        title="Recobro field-visits",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[press.running],
    )
    app.state.press = press
    app.state.album = Album(settings.photos_url)
    return app


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = FieldVisitsSettings.load(SERVICE)
    upgrade(settings.database_url, "field_visits.migrations")
    database = Database(settings.database_url)
    runtime = Runtime(SERVICE, database, transport_from(settings), consumer, source=SOURCE)
    serve(build_app(settings, database, runtime), settings.host, settings.port)
