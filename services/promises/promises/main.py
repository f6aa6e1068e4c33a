"""The promises process: relays, consumers, the promise watch and HTTP."""

from chassis import Program, Role, create_app
from chassis.background import keep
from fastapi import FastAPI
from recobro_events import Database, Runtime

from promises.agreements.settling import end_expired, report_undecided, settle_final
from promises.api import public, routers
from promises.handlers import consumer
from promises.outcomes.reminding import remind
from promises.outcomes.watching import Watch
from promises.republishing import SOURCE
from promises.settings import PromisesSettings

SERVICE = "promises"
_TAGS = {
    "promises": "Promises to pay.",
    "agreements": "Plans, settlements, restructures and forgiveness, from proposal to end.",
    "offers": "What may be offered on a contract, and the rules of it.",
    "authority": "Who may discount how much, and whose approval that needs.",
    "debtor's page": "Links by which debtors see what they owe, and promise, agree or dispute.",
    "insight": "Figures of a day and of a period, each with the way to what it counts.",
}


def build_app(
    settings: PromisesSettings, database: Database, runtime: Runtime | None, role: Role = Role.ALL
) -> FastAPI:
    """Build the app on a migrated database. The promise watch runs where the ``role`` consumes."""
    return create_app(
        service=SERVICE,
        title="Recobro promises",
        description="Promises to pay and agreements, and whether payments keep them.",
        tags=_TAGS,
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        pages=public,
        trusted_proxies=settings.trusted_proxies,
        background=[keep("promise watch", Watch(database, remind, end_expired, settle_final, report_undecided).run)],
        role=role,
    )


PROGRAM = Program(SERVICE, "promises.migrations", PromisesSettings, build_app, consumer, source=SOURCE)
