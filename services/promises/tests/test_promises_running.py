"""The whole service on a log: relays, consumers, watch and HTTP. The tests publish the other services' events."""

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


class OtherService:
    """Another service: publishes the events of a test, and records the events that promises published."""

    def __init__(self, service: str, database: Database, transport: MemoryTransport) -> None:
        self.received: list[PromiseEvent] = []
        self._database = database
        listener = Consumer(service, listens_to=("promises",), platform=SERVICE_NAMES)
        for event_type in (PromiseMade, PromiseKept, PromiseBroken):
            listener.on(event_type)(self._record)
        self.runtime = Runtime(service, database, transport, listener)

    async def publish(self, *facts: Event) -> None:
        async with self._database.transaction() as tx:
            tx.publish(*facts)

    async def wait_for(self, event_type: type[E], promise: Json) -> E:
        """Return the event of this type about the promise, once it has arrived."""
        async with asyncio.timeout(240):
            while True:
                for event in self.received:
                    if isinstance(event, event_type) and str(event.promise_id) == promise["promise_id"]:
                        return event
                await asyncio.sleep(0.01)

    async def _record(self, events: Sequence[PromiseEvent], _: Transaction) -> None:
        self.received += events


@pytest.fixture
async def transport() -> MemoryTransport:
    return MemoryTransport(partitions=3)


@pytest.fixture
async def others(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[dict[str, OtherService]]:
    """The services portfolio and assignment, running."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    made: dict[str, OtherService] = {}
    databases: dict[str, Database] = {}
    for service in ("portfolio", "assignment"):
        name = f"beside_promises_{service}"
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name}")
        databases[name] = Database(postgres.dsn(name))
        await databases[name].open()
        async with databases[name].connection() as connection:
            await connection.execute(recobro_events.schema.UPGRADE)
        made[service] = OtherService(service, databases[name], transport)
        await made[service].runtime.start()
    yield made
    for other in made.values():
        await other.runtime.stop()
    for name, database in databases.items():
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_promises_are_made_kept_and_broken_over_the_log(
    database: Database, transport: MemoryTransport, others: dict[str, OtherService]
) -> None:
    settings = PromisesSettings(**test_settings(database.dsn, service="promises").model_dump())
    served = Database(database.dsn)
    runtime = Runtime("promises", served, transport, consumer)
    async with client_for(build_app(settings, served, runtime), mint()) as client:
        scene = Scene(database, client)
        paying, silent, agency_id = scene.contract(), scene.contract(), uuid.uuid4()
        portfolio, assignment = others["portfolio"], others["assignment"]
        await assignment.publish(Placement(paying.contract_id, agency_id).placed())
        await portfolio.publish(scene.business_date(0), paying.registered(), silent.registered())
        # The events are still on their way. The first request waits for those that it needs.
        kept = await scene.promise(paying, headers=scene.agency(agency_id))
        broken = await scene.promise(silent)
        await portfolio.publish(paying.paid("100.00", paid_on=day(1)), scene.business_date(8))

        assert (await portfolio.wait_for(PromiseMade, kept)).agency_id == agency_id
        assert (await assignment.wait_for(PromiseKept, kept)).paid == 100
        assert (await portfolio.wait_for(PromiseBroken, broken)).paid == 0
        assert (await client.get("/readyz")).status_code == 200
