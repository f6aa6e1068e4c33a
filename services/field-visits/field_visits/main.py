"""The field-visits process: relays, consumers and HTTP."""

from chassis import Program, Role, create_app
from documents.press import Press
from fastapi import FastAPI
from recobro_events import Database, Runtime

from field_visits.api import routers
from field_visits.documents import TEMPLATES
from field_visits.handlers import consumer
from field_visits.photos.album import Album
from field_visits.photos.darkroom import Darkroom
from field_visits.republishing import SOURCE
from field_visits.settings import FieldVisitsSettings

SERVICE = "field-visits"


def build_app(
    settings: FieldVisitsSettings, database: Database, runtime: Runtime | None, role: Role = Role.ALL
) -> FastAPI:
    """Build the app on a migrated database, with its press for PDFs, its darkroom and its album of photos."""
    press = Press(TEMPLATES)
    app = create_app(
        service=SERVICE,
        title="Recobro field-visits",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[press.running],
        role=role,
    )
    app.state.press = press
    app.state.darkroom = Darkroom()
    app.state.album = Album(settings.photos_url)
    return app


PROGRAM = Program(SERVICE, "field_visits.migrations", FieldVisitsSettings, build_app, consumer, source=SOURCE)
