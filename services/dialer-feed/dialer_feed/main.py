"""The dialer-feed process: relays, consumers, the list builder and HTTP."""

from functools import partial

from chassis import Program, Role, create_app
from chassis.background import keep
from fastapi import FastAPI
from recobro_events import Database, Runtime

from dialer_feed.api import routers
from dialer_feed.handlers import consumer
from dialer_feed.lists.builder import Builder
from dialer_feed.permits import days
from dialer_feed.permits.hearing import Hearing
from dialer_feed.settings import DialerFeedSettings
from dialer_feed.wakeups import BUILDER, LISTS, NotificationListener

SERVICE = "dialer-feed"
_TAGS = {
    "campaigns": "Which contracts a list takes, and when.",
    "lists": "Lists, their entries and withdrawals.",
    "suppression": "Lists of numbers that nobody may call.",
    "dialers": "What dialers report: calls, acknowledgements, findings.",
    "insight": "Figures of a day and of a period, each with the way to what it counts.",
}


def build_app(
    settings: DialerFeedSettings, database: Database, runtime: Runtime | None, role: Role = Role.ALL
) -> FastAPI:
    """Build the app on a migrated database. The list builder runs where the ``role`` consumes."""
    return create_app(
        service=SERVICE,
        title="Recobro dialer-feed",
        description="The dialing lists of the day, and the contracts that leave them at once.",
        tags=_TAGS,
        settings=settings,
        database=database,
        runtime=runtime,
        routers=routers,
        lifespan=[keep("notification listener", NotificationListener(database, LISTS).run)],
        background=[
            keep("list builder", Builder(database).run),
            keep("days of permits", partial(days.keep_for_ever, database)),
            *([keep("hearing", Hearing(database, settings.permit_hearing_seconds).run)] if runtime else []),
        ],
        role=role,
    )


def wake_builder() -> None:
    LISTS.wake([BUILDER])


PROGRAM = Program(SERVICE, "dialer_feed.migrations", DialerFeedSettings, build_app, consumer, on_barrier=wake_builder)
