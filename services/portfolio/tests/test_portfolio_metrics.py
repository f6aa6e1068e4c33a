"""The metrics of files and of the daily run."""

import time
from uuid import UUID

import pytest
from portfolio.files import landing
from prometheus_client import REGISTRY
from service_client import ServiceClient, csv_of, row


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def counters() -> dict[str, float]:
    """The counters of files by outcome, of timed files, and of rows by outcome."""
    outcomes = ("loaded", "refused", "failed")
    files = {outcome: value("portfolio_files_total", outcome=outcome) for outcome in outcomes}
    timed = {"timed": sum(value("portfolio_file_seconds_count", outcome=outcome) for outcome in outcomes)}
    rows = {outcome: value("portfolio_file_rows_total", outcome=outcome) for outcome in ("accepted", "rejected")}
    return files | timed | rows


def increases(before: dict[str, float]) -> dict[str, float]:
    return {name: now - before[name] for name, now in counters().items() if now != before[name]}


def waits_since(waits_for: str) -> float:
    return value("portfolio_file_oldest_unfinished_timestamp_seconds", waits_for=waits_for)


async def test_a_loaded_file_is_counted_with_its_rows_and_timed_from_its_upload(service: ServiceClient) -> None:
    before, seconds = counters(), value("portfolio_file_seconds_sum", outcome="loaded")
    answer = await service.upload(
        await service.portfolio(), csv_of(row("C-1"), row("C-2", amount_due="x")), "2026-09-10"
    )
    assert answer.status_code == 202
    await service.rows("UPDATE file SET received_at = received_at - interval '1 hour'")
    assert await service.loader.load_one()
    assert increases(before) == {"loaded": 1, "timed": 1, "accepted": 1, "rejected": 1}
    assert 3600 <= value("portfolio_file_seconds_sum", outcome="loaded") - seconds < 7200


async def test_a_bad_file_counts_as_refused_and_a_defect_of_the_service_as_failed(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await service.portfolio()
    before = counters()
    file = await service.load(portfolio_id)
    assert (file["status"], file["error_code"]) == ("failed", "empty")
    assert increases(before) == {"refused": 1, "timed": 1}

    async def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(landing, "read", failing)
    before = counters()
    assert (await service.load(portfolio_id, row("C-2")))["error_code"] == "internal"
    assert increases(before) == {"failed": 1, "timed": 1}


async def test_the_upload_time_of_the_oldest_file_is_reported_by_what_the_file_waits_for(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    assert not await service.loader.load_one()
    assert (waits_since("loader"), waits_since("confirmation")) == (0, 0)

    before = time.time()
    file = await service.load(portfolio_id, row("C-1"), as_of="2026-09-11", mode="snapshot")
    assert file["status"] == "needs_confirmation"
    assert before - 1 < waits_since("loader") <= time.time()
    await service.upload(portfolio_id, csv_of(row("C-9")), "2026-09-12")
    assert not await service.loader.load_one()
    assert waits_since("loader") == 0
    assert before - 1 < waits_since("confirmation") <= time.time()

    before_refusal = counters()
    answer = await service.client.post(f"/v1/files/{UUID(file['file_id'])}/confirmation", json={"accept": False})
    assert answer.status_code == 200
    assert increases(before_refusal) == {"refused": 1, "timed": 1}
    assert await service.loader.load_one()
    assert not await service.loader.load_one()
    assert waits_since("confirmation") == 0


async def test_a_run_over_all_portfolios_reports_its_time_and_a_run_over_one_does_not(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    before = value("task_last_success_timestamp_seconds", task="staging")
    await service.stage("2026-09-11", portfolio_id)
    assert value("task_last_success_timestamp_seconds", task="staging") == before
    await service.stage("2026-09-11")
    assert value("task_last_success_timestamp_seconds", task="staging") > before
