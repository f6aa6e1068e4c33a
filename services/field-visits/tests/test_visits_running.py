"""The whole service on a log, and as a process: relays, consumers, barriers, HTTP; a portfolio says what happens."""

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
    """Publishes what a test says, and hears which visits were called off."""

    def __init__(self, database: Database, transport: MemoryTransport) -> None:
        self.heard: list[VisitCancelled] = []
        self._database = database
        hears = Consumer("portfolio", listens_to=("field-visits",))
        hears.on(VisitCancelled)(self._hear)
        self.runtime = Runtime("portfolio", database, transport, hears)

    async def says(self, *facts: Event) -> None:
        async with self._database.transaction() as tx:
            tx.publish(*facts)

    async def _hear(self, cancelled: Sequence[VisitCancelled], _: Transaction) -> None:
        self.heard += cancelled


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
    said = Portfolio(database, transport)
    await said.runtime.start()
    yield said
    await said.runtime.stop()
    await database.close()
    await admin.execute("DROP DATABASE visits_portfolio WITH (FORCE)")
    await admin.close()


@asynccontextmanager
async def running(scene: Scene, transport: MemoryTransport, album: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = test_settings(scene.database.dsn, service="field-visits")
    database = Database(scene.database.dsn)
    runtime = Runtime("field-visits", database, transport, consumer)
    app = build_app(FieldVisitsSettings(**settings.model_dump(), photos_url=album.as_uri()), database, runtime)
    async with client_for(app, mint()) as client:
        yield client


async def test_a_payment_on_the_log_cancels_a_visit_and_the_portfolio_receives_the_cancellation(
    scene: Scene, transport: MemoryTransport, portfolio: Portfolio, album_folder: Path
) -> None:
    """A visit is ordered for a contract of a moment ago; a payment calls it off, and the portfolio hears of it."""
    contract = scene.contract()
    async with running(scene, transport, album_folder) as client:
        await portfolio.says(contract.registered())
        order = {"contract_id": str(contract.contract_id), "visitor": "V", "visit_on": str(DAY)}
        ordered = await client.post("/v1/visits", json=order)
        assert ordered.status_code == 201, "what is not known yet is waited for"
        visit_id = ordered.json()["visit_id"]
        await portfolio.says(contract.paid())
        await scene.until("SELECT state = 'cancelled' FROM visit")
        assert (await client.get(f"/v1/visits/{visit_id}/letter.pdf")).json()["reason"] == "payment"
        while not portfolio.heard:
            await scene.until("SELECT pg_sleep(0.02) IS NOT NULL")
        assert [str(event.visit_id) for event in portfolio.heard] == [visit_id]


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
