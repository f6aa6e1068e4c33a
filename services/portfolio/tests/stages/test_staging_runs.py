"""Staging runs ask before they move a date far ahead, outlive their requests, and can be watched and stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis import clock
from portfolio.ledger.leases import leased
from portfolio.stages import daily_run, runs, runs_queries
from portfolio.stages.stager import Stager
from recobro_events import Database
from recobro_events.contracts.portfolio import ContractStageChanged
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

TODAY = date(2026, 9, 10)
AS_OF = str(TODAY)


@pytest.fixture(autouse=True)
def noon_in_mexico(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 9, 10, 18, tzinfo=UTC))


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


async def ask(service: ServiceClient, as_of: str, portfolio_id: UUID | None = None, **more: Any) -> httpx.Response:
    body = {"as_of": as_of, "portfolio_id": portfolio_id and str(portfolio_id)} | more
    return await service.client.post("/v1/staging-runs", json=body)


async def staged_to(service: ServiceClient, portfolio_id: UUID) -> str:
    portfolio = await service.get(f"/v1/portfolios/{portfolio_id}")
    return str(portfolio["staged_to"])


async def loaded(service: ServiceClient, **changes: Any) -> UUID:
    """A portfolio with a contract that is late on the 11th and legal on the 10th of November."""
    portfolio_id = await service.portfolio(**changes)
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    return portfolio_id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(240):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def held(service: ServiceClient, portfolio_id: UUID) -> AsyncIterator[None]:
    """Hold the portfolio's row, so that no day begins, until the block ends."""
    async with service.database.transaction() as tx:
        await tx.execute("SELECT FROM portfolio WHERE portfolio_id = $1 FOR UPDATE", portfolio_id)
        yield


# --- what cannot be taken back asks first


async def test_a_run_far_ahead_of_today_asks_first_and_names_every_portfolio_with_its_days(
    service: ServiceClient,
) -> None:
    ours, others = await loaded(service, name="Tarjetas"), await loaded(service, name="Autos")
    answer = await ask(service, "2027-09-11")
    assert (answer.status_code, code_of(answer)) == (409, "confirm-future")
    assert {
        (one["portfolio_id"], one["name"], one["today"], one["days_ahead"]) for one in answer.json()["portfolios"]
    } == {
        (str(ours), "Tarjetas", AS_OF, 366),
        (str(others), "Autos", AS_OF, 366),
    }
    assert "Tarjetas: 366 days after 2026-09-10" in answer.json()["detail"]
    assert [await staged_to(service, portfolio_id) for portfolio_id in (ours, others)] == [AS_OF, AS_OF]
    assert await service.rows("SELECT FROM staging_run") == []

    confirmed = await ask(service, "2026-09-12", ours, confirm_future=True)
    assert confirmed.status_code == 200, confirmed.text
    assert await staged_to(service, ours) == "2026-09-12"


async def test_tomorrow_asks_nothing_and_the_day_after_does(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await loaded(service)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 9, 11, 5, 59, tzinfo=UTC))
    assert (await ask(service, "2026-09-12", portfolio_id)).status_code == 409, "it is 23:59 of the 10th in Mexico"
    assert (await ask(service, "2026-09-11", portfolio_id)).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 9, 11, 6, tzinfo=UTC))
    assert (await ask(service, "2026-09-12", portfolio_id)).status_code == 200


async def test_a_portfolio_that_is_there_already_is_not_asked_about(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    assert (await ask(service, "2026-09-20", portfolio_id, confirm_future=True)).status_code == 200
    again = await ask(service, "2026-09-20", portfolio_id)
    assert (again.status_code, again.json()["changed"]) == (200, 0)


# --- a run outlives its request and its process


async def test_a_run_goes_on_when_its_client_leaves(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    async with held(service, portfolio_id):
        request = asyncio.create_task(ask(service, "2026-09-11", portfolio_id))
        await service.until_waiting(1)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        current = await service.get("/v1/staging-runs/current")
        assert (current["as_of"], current["state"], current["started_by"]["subject"]) == (
            "2026-09-11",
            "running",
            "test",
        )

    async def is_staged() -> bool:
        return await staged_to(service, portfolio_id) == "2026-09-11"

    await until(is_staged)
    line = (await service.history(portfolio_id, "C-1"))[-1]
    assert (line["kind"], line["actor"]["subject"]) == ("stage_changed", "test")


async def test_a_run_whose_process_was_killed_is_continued(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    async with service.database.transaction() as tx:
        await daily_run.open_day(tx, portfolio_id, date(2026, 9, 11))
        run_id = await tx.fetchval(runs_queries.ADD, date(2026, 9, 12), portfolio_id, [portfolio_id])
    assert await Stager(service.database).work_on_one()
    outcome = await runs.outcome(service.database, run_id, asyncio.Event())
    assert (outcome.changed, await staged_to(service, portfolio_id)) == (1, "2026-09-12")


async def test_a_run_has_one_worker_at_a_time(database: Database) -> None:
    """The stager of another process finds nothing to do while this one holds the run."""
    async with database.transaction() as tx:
        run_id = await tx.fetchval(runs_queries.ADD, date(2026, 9, 12), None, [])
    stager = Stager(database)
    async with leased(database, f"staging:{run_id}") as ours:
        assert ours
        assert not await stager.work_on_one()
    assert await stager.work_on_one()
    assert not await stager.work_on_one()


async def test_a_run_and_a_file_that_is_loading_share_the_days(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    answer = await service.upload(portfolio_id, csv_of(row("C-1", due_date="2026-08-11")), "2026-11-10")
    _, run = await asyncio.gather(service.loader.load_one(), service.stage("2026-11-12", portfolio_id))
    assert (await service.file(answer.json()["file_id"]))["status"] == "loaded"
    assert (run["as_of"], await staged_to(service, portfolio_id)) == ("2026-11-12", "2026-11-12")
    stages = [event.to_stage for event in await published(service.database, ContractStageChanged)]
    assert stages == ["late", "legal"]


async def test_a_portfolio_that_fails_stops_no_other_one(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolios = [await loaded(service), await loaded(service)]
    broken = min(portfolios)
    advance = daily_run.advance

    async def defective(database: Database, portfolio_id: UUID, to: date, **more: Any) -> int:
        if portfolio_id == broken:
            raise ValueError("a defect")
        return await advance(database, portfolio_id, to, **more)

    monkeypatch.setattr(daily_run, "advance", defective)
    answer = await ask(service, "2026-09-11")
    assert (answer.status_code, code_of(answer)) == (500, "staging-failed")
    assert [await staged_to(service, one) for one in sorted(portfolios)] == [AS_OF, "2026-09-11"]
    monkeypatch.undo()
    assert (await service.stage("2026-09-11"))["changed"] == 1


# --- watching and stopping


async def test_a_run_is_stopped_and_its_days_stay_done(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    other = await loaded(service)
    async with held(service, portfolio_id), held(service, other):
        request = asyncio.create_task(ask(service, "2026-12-10", confirm_future=True))
        await service.until_waiting(1)
        current = await service.get("/v1/staging-runs/current")
        assert (current["portfolio_id"], current["portfolios_left"], current["days_left"]) == (None, 2, 91)
        stopped = await service.client.post("/v1/staging-runs/current/stop", json={"run_id": current["run_id"]})
        assert (stopped.status_code, stopped.json()["state"]) == (200, "stopping")
        assert (await service.client.post("/v1/staging-runs/current/stop")).json()["state"] == "stopping"
        assert not request.done()
    answer = await request
    assert (answer.status_code, code_of(answer)) == (409, "staging-stopped")
    first, second = sorted([portfolio_id, other])
    assert [await staged_to(service, one) for one in (first, second)] == ["2026-09-11", AS_OF]
    assert (await service.client.get("/v1/staging-runs/current")).status_code == 404
    [run] = await service.rows("SELECT state, stopped_by ->> 'subject' AS who FROM staging_run")
    assert tuple(run) == ("stopped", "test")

    await service.stage("2026-09-12")
    assert await staged_to(service, second) == "2026-09-12"


async def test_without_a_run_there_is_nothing_to_stop(service: ServiceClient) -> None:
    for answer in (
        await service.client.get("/v1/staging-runs/current"),
        await service.client.post("/v1/staging-runs/current/stop"),
        await service.client.post("/v1/staging-runs/current/stop", json={"run_id": str(uuid4())}),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "no-staging-run")


async def test_of_two_runs_at_once_a_named_one_that_is_over_leaves_the_other_alone(service: ServiceClient) -> None:
    portfolio_id, other = await loaded(service), await loaded(service)
    await service.stage("2026-09-11", other)
    [over] = await service.rows("SELECT run_id FROM staging_run")
    async with held(service, portfolio_id):
        request = asyncio.create_task(ask(service, "2026-09-11", portfolio_id))
        await service.until_waiting(1)
        answer = await service.client.post("/v1/staging-runs/current/stop", json={"run_id": str(over["run_id"])})
        assert code_of(answer) == "no-staging-run"
    assert (await request).status_code == 200
