"""The assignment process: relays and consumers, HTTP."""

from functools import partial

from chassis import Program, Role, create_app
from chassis.background import keep
from fastapi import FastAPI
from recobro_events import Database, Runtime

from assignment.agencies.events import expire_for_ever
from assignment.api import routers
from assignment.handlers import consumer
from assignment.republishing import SOURCE
from assignment.settings import AssignmentSettings

SERVICE = "assignment"
_TAGS = {
    "agencies": "Agencies, their service contracts and commissions.",
    "placement rules": "The rules that place contracts, and the runs that apply them.",
    "placements": "Placements, recalls and objections.",
    "insight": "Figures of a day and of a period, each with the way to what it counts.",
}


def build_app(
    settings: AssignmentSettings, database: Database, runtime: Runtime | None, role: Role = Role.ALL
) -> FastAPI:
    """Build the app. The database must be migrated already."""
    return create_app(
        service=SERVICE,
        title="Recobro assignment",
        description="Which agency works on which contract, and what it earns.",
        tags=_TAGS,
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        background=[keep("expiry of agencies' events", partial(expire_for_ever, database))],
        role=role,
    )


PROGRAM = Program(
    SERVICE, "assignment.migrations", AssignmentSettings, build_app, consumer, source=SOURCE, agencies=True
)
