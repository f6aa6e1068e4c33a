"""The field-visits process: relays, consumers and HTTP."""

from functools import partial

from chassis import Program, Role, create_app
from chassis.background import polled
from chassis.storage import FileStorage
from documents.press import Press
from fastapi import FastAPI
from recobro_events import Database, Runtime

from field_visits.api import routers
from field_visits.documents import TEMPLATES
from field_visits.erasing import delete_photos
from field_visits.handlers import consumer
from field_visits.photos.redrawer import Redrawer
from field_visits.republishing import SOURCE
from field_visits.settings import FieldVisitsSettings

SERVICE = "field-visits"
_POLL_SECONDS = 60.0
_TAGS = {
    "visits": "Visits, their sheets and letters.",
    "at the door": "Attendance, balance and result.",
    "photos": "Photos of a visit.",
    "insight": "Figures of a day and of a period, each with the way to what it counts.",
}


def build_app(
    settings: FieldVisitsSettings,
    database: Database,
    runtime: Runtime | None,
    role: Role = Role.ALL,
    poll_seconds: float = _POLL_SECONDS,
) -> FastAPI:
    """Build the app on a migrated database, with the press for PDFs and the redrawer and storage of photos.

    It looks for erased photos every ``poll_seconds``.
    """
    press = Press(TEMPLATES)
    storage = FileStorage(settings.photos_url, ".jpg")
    app = create_app(
        service=SERVICE,
        title="Recobro field-visits",
        description="Visits, from the order to the result at the door.",
        tags=_TAGS,
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[press.running, polled("erased photos", partial(delete_photos, database, storage), poll_seconds)],
        role=role,
    )
    app.state.press = press
    app.state.redrawer = Redrawer()
    app.state.photo_storage = storage
    return app


PROGRAM = Program(SERVICE, "field_visits.migrations", FieldVisitsSettings, build_app, consumer, source=SOURCE)
