"""The whole service on a log: relays, consumers, watch and HTTP, with the other services' facts published by hand."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import asyncpg
import pytest
import recobro_events.schema
from chassis.testing import client_for, mint, test_settings
from promise_scene import Json, Placement, Scene, day
from promises.handlers import consumer
from promises.main import build_app
from promises.settings import PromisesSettings
from recobro.postgres import EmbeddedPostgres
from recobro_events import Consumer, Database, Event, Runtime, Transaction
from recobro_events.contracts.promises import PromiseBroken, PromiseEvent, PromiseKept, PromiseMade
from recobro_events.memory import MemoryTransport
from recobro_platform import SERVICE_NAMES

E = TypeVar("E", bound=PromiseEvent)


class Other:
    """Another service: publishes what a test says, and remembers what promises said."""

    def __init__(self, service: str, database: Database, transport: MemoryTransport) -> None:
        self.heard: list[PromiseEvent] = []
        self._database = database
        listener = Consumer(service, listens_to=("promises",), platform=SERVICE_NAMES)
        for event_type in (PromiseMade, PromiseKept, PromiseBroken):
            listener.on(event_type)(self._remember)
        self.runtime = Runtime(service, database, transport, listener)

    async def says(self, *facts: Event) -> None:
        async with self._database.transaction() as tx:
            tx.publish(*facts)

    async def hears(self, event_type: type[E], promise: Json) -> E:
        """The event of this type about the promise, once it has come."""
        async with asyncio.timeout(60):
            while True:
                for event in self.heard:
                    if isinstance(event, event_type) and str(event.promise_id) == promise["promise_id"]:
                        return event
                await asyncio.sleep(0.01)

    async def _remember(self, events: Sequence[PromiseEvent], _: Transaction) -> None:
        self.heard += events


@pytest.fixture
async def transport() -> MemoryTransport:
    return MemoryTransport(partitions=3)


@pytest.fixture
async def others(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[dict[str, Other]]:
    """portfolio and assignment, at work."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    made: dict[str, Other] = {}
    databases: dict[str, Database] = {}
    for service in ("portfolio", "assignment"):
        name = f"said_to_promises_{service}"
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name}")
        databases[name] = Database(postgres.dsn(name))
        await databases[name].open()
        async with databases[name].connection() as connection:
            await connection.execute(recobro_events.schema.UPGRADE)
        made[service] = Other(service, databases[name], transport)
        await made[service].runtime.start()
    yield made
    for other in made.values():
        await other.runtime.stop()
    for name, database in databases.items():
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_promises_are_made_kept_and_broken_over_the_log(
    database: Database, transport: MemoryTransport, others: dict[str, Other]
) -> None:
    settings = PromisesSettings(**test_settings(database.dsn, service="promises").model_dump())
    served = Database(database.dsn)
    runtime = Runtime("promises", served, transport, consumer)
    async with client_for(build_app(settings, served, runtime), mint()) as client:
        scene = Scene(database, client)
        paying, silent, agency_id = scene.contract(), scene.contract(), uuid.uuid4()
        portfolio, assignment = others["portfolio"], others["assignment"]
        await assignment.says(Placement(paying.contract_id, agency_id).placed())
        await portfolio.says(scene.business_date(0), paying.registered(), silent.registered())
        # Both are on their way: the first request waits for what it needs.
        kept = await scene.promise(paying, headers=scene.agency(agency_id))
        broken = await scene.promise(silent)
        await portfolio.says(paying.paid("100.00", paid_on=day(1)), scene.business_date(8))

        assert (await portfolio.hears(PromiseMade, kept)).agency_id == agency_id
        assert (await assignment.hears(PromiseKept, kept)).paid == 100
        assert (await portfolio.hears(PromiseBroken, broken)).paid == 0
        assert (await client.get("/readyz")).status_code == 200
