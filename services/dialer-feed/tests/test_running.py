"""The whole service on a log: relays, consumers, barrier, builder and HTTP, with a small portfolio service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
import recobro_events.schema
from chassis.testing import client_for, mint, test_settings
from dialer_feed.handlers import consumer
from dialer_feed.main import build_app, wake_builder
from dialer_feed.settings import DialerFeedSettings
from dialing_scene import DAY, Contract, Scene
from permit_requests import question
from recobro.postgres import EmbeddedPostgres
from recobro_events import Consumer, Database, Event, Runtime, Transaction
from recobro_events.contracts.dialer_feed import OptOutRequested
from recobro_events.contracts.portfolio import ContactChange, PortfolioState, PortfolioStateChanged
from recobro_events.memory import MemoryTransport
from recobro_platform import BARRIER_ROUNDS, SERVICE_NAMES


class Portfolio:
    """Publishes the events of a test, answers barriers, and opts numbers out when a dialer requests it."""

    def __init__(self, database: Database, transport: MemoryTransport) -> None:
        self.contracts: dict[str, Contract] = {}
        self._database = database
        answers = Consumer("portfolio", listens_to=("dialer-feed", "assignment"), platform=SERVICE_NAMES)
        answers.on(OptOutRequested)(self._opt_out)
        self.runtime = Runtime("portfolio", database, transport, answers)

    async def publish(self, *facts: Event) -> None:
        async with self._database.transaction() as tx:
            tx.publish(*facts)

    async def _opt_out(self, requests: Sequence[OptOutRequested], tx: Transaction) -> None:
        for request in requests:
            contract = self.contracts[str(request.contract_id)]
            [phone] = [phone for phone in contract.phones if phone.contact_id == request.contact_id]
            tx.publish(contract.number_changed(phone, ContactChange.OPTED_OUT), cause=request)


@pytest.fixture
async def transport() -> MemoryTransport:
    return MemoryTransport(partitions=3)


@asynccontextmanager
async def database_of(postgres: EmbeddedPostgres, service: str) -> AsyncIterator[Database]:
    """A database of another service, with the runtime's tables and no others."""
    name = f"published_by_{service.replace('-', '_')}"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.execute(f"CREATE DATABASE {name}")
    database = Database(postgres.dsn(name))
    await database.open()
    async with database.connection() as connection:
        await connection.execute(recobro_events.schema.UPGRADE)
    yield database
    await database.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def portfolio(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[Portfolio]:
    """A portfolio service that is not started yet. Its events wait in its outbox."""
    async with database_of(postgres, "portfolio") as database:
        portfolio = Portfolio(database, transport)
        yield portfolio
        await portfolio.runtime.stop()


@pytest.fixture(autouse=True)
async def others(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[None]:
    """The other services, which publish no facts but answer barriers."""
    async with AsyncExitStack() as stack:
        for service in ("assignment", "field-visits", "promises"):
            database = await stack.enter_async_context(database_of(postgres, service))
            listens_to = ("portfolio", "dialer-feed")
            runtime = Runtime(
                service, database, transport, Consumer(service, listens_to=listens_to, platform=SERVICE_NAMES)
            )
            await runtime.start()
            stack.push_async_callback(runtime.stop)
        yield


@asynccontextmanager
async def running(scene: Scene, transport: MemoryTransport, **own: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings = test_settings(scene.database.dsn, service="dialer-feed")
    database = Database(scene.database.dsn)
    runtime = Runtime("dialer-feed", database, transport, consumer, on_barrier=wake_builder)
    app = build_app(DialerFeedSettings(**settings.model_dump(), **own), database, runtime)
    async with client_for(app, mint()) as client:
        yield client


def ready(scene: Scene) -> PortfolioStateChanged:
    return PortfolioStateChanged(
        portfolio_id=scene.portfolio_id,
        version=9,
        state=PortfolioState.READY,
        business_date=DAY,
        name="Cartera Norte",
        creditor_id=scene.portfolio_id,
        creditor_kind="financial",
        jurisdiction="MX",
        timezone="America/Mexico_City",
    )


async def test_a_list_reflects_every_event_published_before_its_request(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio
) -> None:
    """The registrations are still in the portfolio's outbox when the list is requested. The list holds them."""
    contracts = [scene.contract() for _ in range(3)]
    paid = contracts[1].registered(), contracts[1].paid()
    await portfolio.publish(ready(scene), contracts[0].registered(), *paid, contracts[2].registered())
    async with running(scene, transport, list_wait_seconds=0) as client:
        body = {"campaign_id": str(scene.campaign_id), "business_date": str(DAY)}
        requested = await client.post("/v1/lists", json=body)
        assert requested.status_code == 202
        assert "portfolio" in requested.json()["waiting_for"]
        await portfolio.runtime.start()
        await scene.until("SELECT EXISTS (SELECT FROM dialing_list WHERE status = 'published')")
        again = await client.post("/v1/lists", json=body)
        assert (again.status_code, again.json()["entries"]) == (200, 2)


async def test_a_payment_and_an_opt_out_leave_the_list_and_the_next_one(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio
) -> None:
    """A list is requested and published. A payment and an opt-out withdraw their contracts."""
    paid, opted_out, other = (scene.contract() for _ in range(3))
    portfolio.contracts = {str(contract.contract_id): contract for contract in (paid, opted_out, other)}
    await portfolio.runtime.start()
    async with running(scene, transport) as client:
        await portfolio.publish(ready(scene), *(c.registered() for c in (paid, opted_out, other)))
        body = {"campaign_id": str(scene.campaign_id), "business_date": str(DAY)}
        requested = await client.post("/v1/lists", json=body)
        assert (requested.status_code, requested.json()["entries"]) == (201, 3)
        feed = f"/v1/lists/{requested.json()['list_id']}/withdrawals"

        waiting = asyncio.create_task(client.get(feed, params={"wait": 30}))
        await portfolio.publish(paid.paid())
        [withdrawal] = (await waiting).json()["items"]
        assert (withdrawal["contract_number"], withdrawal["reason"]) == (paid.number, "payment")

        report = {"contract_number": opted_out.number, "reason": "opted_out"}
        assert (await client.post(feed, json=report)).status_code == 201
        body["campaign_id"] = str(await scene.campaign())
        following = await client.post("/v1/lists", json=body)
        assert (following.status_code, following.json()["entries"]) == (201, 1)
        usable = await scene.rows("SELECT FROM contact_point WHERE contract_id = $1 AND usable", opted_out.contract_id)
        assert usable == [], "the list waited for the portfolio's answer"
        assert await scene.rows("SELECT FROM reported_silence") == []
        assert (await client.get("/readyz")).status_code == 200


async def test_a_permit_needs_the_answer_of_every_source_and_ends_with_it(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio
) -> None:
    """Before portfolio has answered, and 30 seconds after it has answered last, nobody knows who has paid."""
    contract = scene.contract()
    await portfolio.publish(ready(scene), contract.registered())
    asked = question(contract, campaign_id=scene.campaign_id)
    async with running(scene, transport, permit_hearing_seconds=0.1) as client:
        await scene.until("SELECT EXISTS (SELECT FROM barrier WHERE state = 'open')")
        await scene.receives(ready(scene), contract.registered())
        assert (await client.post("/v1/permits", json=asked)).json()["reason"] == "stale"
        await portfolio.runtime.start()
        await scene.until("SELECT count(*) > 1 FROM barrier WHERE state = 'reached'")
        assert (await client.post("/v1/permits", json=asked)).json().get("reason") in (None, "outside_hours")
        await portfolio.runtime.stop()
        # Portfolio may have answered one more barrier before, which is reached in a moment.
        async with asyncio.timeout(240):
            reason = None
            while reason != "stale":
                await scene.execute(
                    "UPDATE barrier SET opened_at = now() - interval '30 seconds' WHERE state = 'reached'"
                )
                reason = (await client.post("/v1/permits", json=asked)).json().get("reason")
        rounds = await scene.rows("SELECT DISTINCT rounds FROM barrier")
        assert [row["rounds"] for row in rounds] == [1]


async def test_a_list_waits_for_all_consequences_although_the_age_of_knowledge_is_asked_for_all_the_time(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio
) -> None:
    await portfolio.publish(ready(scene), scene.contract().registered())
    await portfolio.runtime.start()
    async with running(scene, transport, permit_hearing_seconds=0.1) as client:
        await scene.until("SELECT EXISTS (SELECT FROM contract WHERE details_version > 0)")
        body = {"campaign_id": str(scene.campaign_id), "business_date": str(DAY)}
        listed = (await client.post("/v1/lists", json=body)).json()
        [row] = await scene.rows("SELECT rounds, state FROM barrier JOIN dialing_list USING (barrier_id)")
        assert (listed["status"], row["rounds"], row["state"]) == ("published", BARRIER_ROUNDS, "reached")
