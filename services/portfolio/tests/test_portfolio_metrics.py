"""What the portfolio tells Prometheus of its files and its daily run."""

import asyncio
import time
from uuid import UUID

import pytest
from portfolio.files import landing
from prometheus_client import REGISTRY
from service_client import Desk, csv_of, row


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def told() -> dict[str, float]:
    """Files by their outcome, how many of them were timed, and rows."""
    outcomes = ("loaded", "refused", "failed")
    files = {outcome: value("portfolio_files_total", outcome=outcome) for outcome in outcomes}
    timed = {"timed": sum(value("portfolio_file_seconds_count", outcome=outcome) for outcome in outcomes)}
    rows = {outcome: value("portfolio_file_rows_total", outcome=outcome) for outcome in ("accepted", "rejected")}
    return files | timed | rows


def grown(before: dict[str, float]) -> dict[str, float]:
    return {name: now - before[name] for name, now in told().items() if now != before[name]}


def waits_since(waits_for: str) -> float:
    return value("portfolio_file_oldest_unfinished_timestamp_seconds", waits_for=waits_for)


async def test_a_loaded_file_is_counted_with_its_rows_and_timed_from_its_upload(desk: Desk) -> None:
    before, seconds = told(), value("portfolio_file_seconds_sum", outcome="loaded")
    answer = await desk.upload(await desk.portfolio(), csv_of(row("C-1"), row("C-2", amount_due="x")), "2026-09-10")
    assert answer.status_code == 202
    await asyncio.sleep(0.3)
    assert await desk.loader.load_one()
    assert grown(before) == {"loaded": 1, "timed": 1, "accepted": 1, "rejected": 1}
    assert 0.3 <= value("portfolio_file_seconds_sum", outcome="loaded") - seconds < 60


async def test_a_file_at_fault_is_refused_and_a_mistake_of_ours_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await desk.portfolio()
    before = told()
    file = await desk.load(portfolio_id)
    assert (file["status"], file["error_code"]) == ("failed", "empty")
    assert grown(before) == {"refused": 1, "timed": 1}

    async def stumbling(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(landing, "read", stumbling)
    before = told()
    assert (await desk.load(portfolio_id, row("C-2")))["error_code"] == "internal"
    assert grown(before) == {"failed": 1, "timed": 1}


async def test_the_oldest_file_tells_since_when_and_for_whom_it_waits(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    assert not await desk.loader.load_one()
    assert (waits_since("loader"), waits_since("confirmation")) == (0, 0)

    before = time.time()
    file = await desk.load(portfolio_id, row("C-1"), as_of="2026-09-11", mode="snapshot")
    assert file["status"] == "needs_confirmation"
    assert before - 1 < waits_since("loader") <= time.time()
    await desk.upload(portfolio_id, csv_of(row("C-9")), "2026-09-12")
    assert not await desk.loader.load_one()
    assert waits_since("loader") == 0
    assert before - 1 < waits_since("confirmation") <= time.time()

    counted = told()
    answer = await desk.client.post(f"/v1/files/{UUID(file['file_id'])}/confirmation", json={"accept": False})
    assert answer.status_code == 200
    assert grown(counted) == {"refused": 1, "timed": 1}
    assert await desk.loader.load_one()
    assert not await desk.loader.load_one()
    assert waits_since("confirmation") == 0


async def test_the_daily_run_leaves_its_time_and_one_for_a_portfolio_alone_does_not(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, row("C-1"))
    before = value("task_last_success_timestamp_seconds", task="staging")
    await desk.stage("2026-09-11", portfolio_id)
    assert value("task_last_success_timestamp_seconds", task="staging") == before
    await desk.stage("2026-09-11")
    assert value("task_last_success_timestamp_seconds", task="staging") > before
