"""The dialer-feed process: migrations, relays and consumers, the list builder, HTTP."""

from chassis import create_app, serve, transport_from
from chassis.migrations import upgrade
from events.database import Database
from events.runtime import Runtime
from fastapi import FastAPI

from dialer_feed import listing
from dialer_feed.api import routers
from dialer_feed.builder import Builder
from dialer_feed.handlers import consumer
from dialer_feed.settings import DialerFeedSettings
from dialer_feed.withdrawal import NEWS

SERVICE = "dialer-feed"


def build_app(settings: DialerFeedSettings, database: Database, runtime: Runtime | None) -> FastAPI:
    """The app, with its builder, on a database that has been migrated."""
    return create_app(
        service=SERVICE,
        title="Recobro dialer-feed",
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[Builder(database).running],
    )


def wake_builder() -> None:
    NEWS.ring([listing.BUILDER])


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = DialerFeedSettings.load(SERVICE)
    upgrade(settings.database_url, "dialer_feed.migrations")
    database = Database(settings.database_url)
    runtime = Runtime(SERVICE, database, transport_from(settings), consumer, on_barrier=wake_builder)
    serve(build_app(settings, database, runtime), settings.host, settings.port)
