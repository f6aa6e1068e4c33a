"""The whole service on a log: relays, consumers, barriers and HTTP, with a portfolio that publishes events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
import recobro_events.schema
from chassis.testing import client_for, mint, test_settings
from field_visits.handlers import consumer
from field_visits.main import build_app
from field_visits.settings import FieldVisitsSettings
from recobro.postgres import EmbeddedPostgres
from recobro_events import Consumer, Database, Event, Runtime, Transaction
from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.memory import MemoryTransport
from visits_scene import DAY, Scene


class Portfolio:
    """Publishes the events of a test, and records the cancellations that it receives."""

    def __init__(self, database: Database, transport: MemoryTransport) -> None:
        self.cancellations: list[VisitCancelled] = []
        self._database = database
        receiver = Consumer("portfolio", listens_to=("field-visits",))
        receiver.on(VisitCancelled)(self._record)
        self.runtime = Runtime("portfolio", database, transport, receiver)

    async def publishes(self, *events: Event) -> None:
        async with self._database.transaction() as tx:
            tx.publish(*events)

    async def _record(self, cancelled: Sequence[VisitCancelled], _: Transaction) -> None:
        self.cancellations += cancelled


@pytest.fixture
async def transport() -> MemoryTransport:
    return MemoryTransport(partitions=3)


@pytest.fixture
async def portfolio(postgres: EmbeddedPostgres, transport: MemoryTransport) -> AsyncIterator[Portfolio]:
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute("CREATE DATABASE visits_portfolio")
    database = Database(postgres.dsn("visits_portfolio"))
    await database.open()
    async with database.connection() as connection:
        await connection.execute(recobro_events.schema.UPGRADE)
    portfolio = Portfolio(database, transport)
    await portfolio.runtime.start()
    yield portfolio
    await portfolio.runtime.stop()
    await database.close()
    await admin.execute("DROP DATABASE visits_portfolio WITH (FORCE)")
    await admin.close()


@asynccontextmanager
async def running(scene: Scene, transport: MemoryTransport, photos: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = test_settings(scene.database.dsn, service="field-visits")
    database = Database(scene.database.dsn)
    runtime = Runtime("field-visits", database, transport, consumer)
    app = build_app(FieldVisitsSettings(**settings.model_dump(), photos_url=photos.as_uri()), database, runtime)
    async with client_for(app, mint()) as client:
        yield client


async def test_a_payment_on_the_log_cancels_a_visit_and_the_portfolio_receives_the_cancellation(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio, photo_folder: Path
) -> None:
    """A visit may be ordered a moment after the contract was registered, before the event is applied here."""
    contract = scene.contract()
    async with running(scene, transport, photo_folder) as client:
        await portfolio.publishes(contract.registered())
        order = {"contract_id": str(contract.contract_id), "visitor": "V", "visit_on": str(DAY)}
        ordered = await client.post("/v1/visits", json=order)
        assert ordered.status_code == 201, "the request waits until the contract is known"
        visit_id = ordered.json()["visit_id"]
        await portfolio.publishes(contract.paid())
        await scene.until("SELECT state = 'cancelled' FROM visit")
        assert (await client.get(f"/v1/visits/{visit_id}/letter.pdf")).json()["reason"] == "payment"
        while not portfolio.cancellations:
            await scene.until("SELECT pg_sleep(0.02) IS NOT NULL")
        assert [str(event.visit_id) for event in portfolio.cancellations] == [visit_id]


@pytest.mark.parametrize("url", ["http://example.org/photos", "photos", "file:relative"])
def test_a_bad_url_for_the_photos_is_refused_at_start(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = test_settings(service="field-visits")
    for name, value in settings.model_dump(exclude_none=True).items():
        monkeypatch.setenv(f"RECOBRO_{name.upper()}", str(value))
    assert FieldVisitsSettings.load("field-visits").photos_url == (Path.cwd() / "photos").as_uri()
    monkeypatch.setenv("RECOBRO_PHOTOS_URL", url)
    with pytest.raises(SystemExit):
        FieldVisitsSettings.load("field-visits")
    assert "RECOBRO_PHOTOS_URL" in capsys.readouterr().err
