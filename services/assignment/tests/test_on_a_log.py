"""The whole service on a log, from the portfolio's events to the agency's own topic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import recobro_events.schema
from assignment.handlers import consumer
from assignment.main import build_app
from assignment.settings import AssignmentSettings
from chassis.testing import client_for, mint, test_settings
from placing_scene import Scene
from recobro.postgres import EmbeddedPostgres
from recobro_events import Database, Event, Runtime
from recobro_events.memory import MemoryTransport


@asynccontextmanager
async def portfolio(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[Database]:
    """Run the portfolio's outbox and relays."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute("DROP DATABASE IF EXISTS portfolio_for_assignment")
    await admin.execute("CREATE DATABASE portfolio_for_assignment")
    database = Database(postgres.dsn("portfolio_for_assignment"))
    await database.open()
    async with database.connection() as connection:
        await connection.execute(recobro_events.schema.UPGRADE)
    runtime = Runtime("portfolio", database, transport, None)
    await runtime.start()
    yield database
    await runtime.stop()
    await database.close()
    await admin.execute("DROP DATABASE portfolio_for_assignment WITH (FORCE)")
    await admin.close()


@asynccontextmanager
async def running(scene: Scene, transport: MemoryTransport) -> AsyncIterator[httpx.AsyncClient]:
    settings = AssignmentSettings(**test_settings(scene.database.dsn, service="assignment").model_dump())
    database = Database(scene.database.dsn)
    runtime = Runtime("assignment", database, transport, consumer, agencies=True)
    async with client_for(build_app(settings, database, runtime), mint()) as client:
        yield client


async def publish(database: Database, *events: Event) -> None:
    async with database.transaction() as tx:
        tx.publish(*events)


async def test_events_of_the_portfolio_reach_the_agencys_topic(scene: Scene, postgres: EmbeddedPostgres) -> None:
    agency_id = await scene.agency("dialing", fees=[{"kind": "dialing", "from_days": 0, "percent": "10"}])
    await scene.rule(agency_id, min_overdue="100.00")
    transport = MemoryTransport(partitions=3)
    contract = scene.contract()
    async with portfolio(postgres, transport) as portfolio_database, running(scene, transport) as client:
        await publish(portfolio_database, contract.registered())
        await scene.until("SELECT EXISTS (SELECT FROM placement)")
        await publish(portfolio_database, contract.paid("1500.00"))
        await scene.until("SELECT EXISTS (SELECT FROM placement WHERE state = 'recall_pending')")
        for lane in ("events", "bulk", "agencies"):
            await scene.until(f"SELECT NOT EXISTS (SELECT FROM outbox_{lane})")
        assert (await client.get("/readyz")).status_code == 200
        found = (await client.get(f"/v1/agencies/{agency_id}/commissions")).json()
        assert found["totals"][0]["amount"] == "150.00"
    logs = [log for place, log in transport.logs.items() if place.topic == f"agency.{agency_id}.events"]
    event_types = [
        [record.headers["ce_type"] for record in log if record.headers["ce_subject"] == str(contract.contract_id)]
        for log in logs
    ]
    assert [types for types in event_types if types] == [
        [
            "agency.placement-started.v1",
            "agency.payment-received.v1",
            "agency.contact-silenced.v1",
            "agency.placement-recall-requested.v1",
        ]
    ], "on one partition, in the order of the portfolio's events"
    assert sum(len(log) for log in logs) == 5, "with the agency's registration"
