"""The promises process: relays and consumers, the watch over promises, HTTP."""

from chassis import Program, Role, create_app
from fastapi import FastAPI
from recobro_events import Database, Runtime

from promises.api import routers
from promises.handlers import consumer
from promises.outcomes.watching import Watch
from promises.republishing import SOURCE
from promises.settings import PromisesSettings

SERVICE = "promises"


def build_app(
    settings: PromisesSettings, database: Database, runtime: Runtime | None, role: Role = Role.ALL
) -> FastAPI:
    """The app, with its watch, on a database that has been migrated."""
    return create_app(
        service=SERVICE,
        title="Recobro promises",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        background=[Watch(database).running],
        role=role,
    )


PROGRAM = Program(SERVICE, "promises.migrations", PromisesSettings, build_app, consumer, source=SOURCE)
