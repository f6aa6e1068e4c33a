"""A file fails alone: after three attempts without progress, with a sentence, and the next file is loaded."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from portfolio.files import expiry
from portfolio.files import loader as loading
from portfolio.files.reading import Landed, ReportRows
from portfolio.files.work import Work
from service_client import ManualLoader, ServiceClient, csv_of, read_in_thread, row


class Killed(BaseException):
    """Stands for the death of the process: no handler of exceptions runs."""


async def killed(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:  # noqa: ARG001
    raise Killed


async def attempts(service: ServiceClient) -> int:
    [row] = await service.rows("SELECT attempts FROM file")
    return int(row["attempts"])


async def test_a_file_whose_process_is_killed_each_time_fails_after_three_attempts(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    bomb = (await service.upload(portfolio_id, csv_of(row("C-1")), "2026-09-10")).json()["file_id"]
    behind = (await service.upload(portfolio_id, csv_of(row("C-2")), "2026-09-10")).json()["file_id"]
    for _ in range(loading.ATTEMPTS):
        with pytest.raises(Killed):
            await ManualLoader(service.database, intake=killed).load_one()
        assert (await service.file(bomb))["status"] == "reading"

    assert await ManualLoader(service.database, intake=killed).load_one()
    failed = await service.file(bomb)
    assert (failed["status"], failed["error_code"]) == ("failed", "interrupted")
    assert failed["error"].startswith("Loading this file was interrupted 3 times without any progress.")
    assert await service.loader.load_one()
    assert (await service.file(behind))["status"] == "loaded"

    again = await service.upload(portfolio_id, csv_of(row("C-1")), "2026-09-10")
    assert again.json()["status"] == "received"
    assert await service.loader.load_one()
    assert (await service.file(bomb))["status"] == "loaded"


async def test_progress_sets_the_attempts_back(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1"))
    assert await attempts(service) == 0
    assert file["status"] == "loaded"


async def test_an_ordered_end_of_the_process_is_no_attempt(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.upload(portfolio_id, csv_of(row("C-1")), "2026-09-10")
    reading = asyncio.Event()

    async def slow(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:  # noqa: ARG001
        reading.set()
        await asyncio.Event().wait()
        return Landed((), ())

    task = asyncio.create_task(ManualLoader(service.database, intake=slow).load_one())
    await reading.wait()
    assert await attempts(service) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await attempts(service) == 0


@pytest.mark.parametrize(
    ("error", "pause", "ends_as"),
    [
        (asyncpg.ConnectionDoesNotExistError, 1000.0, "reading"),
        (asyncpg.ConnectionDoesNotExistError, 0.0, "reading"),
        (asyncpg.QueryCanceledError, 0.0, "failed"),
    ],
)
async def test_an_interrupted_file_does_not_hold_up_another_portfolio(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception], pause: float, ends_as: str
) -> None:
    monkeypatch.setattr(loading, "_PAUSE_SECONDS", pause)
    monkeypatch.setattr(loading, "_MOST_PAUSE_SECONDS", pause)
    first, second = await service.portfolio(), await service.portfolio()
    stuck = (await service.upload(first, csv_of(row("C-1")), "2026-09-10")).json()["file_id"]
    tried = []

    async def fails(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:
        if str(work.file_id) != stuck:
            return await read_in_thread(work, source, folder, report_rows)
        tried.append(stuck)
        raise error

    worker = ManualLoader(service.database, intake=fails)
    assert await worker.load_one()
    if pause:
        other = (await service.upload(second, csv_of(row("C-2")), "2026-09-10")).json()["file_id"]
        assert await worker.load_one()
        assert (await service.file(other))["status"] == "loaded"
    for _ in range(5):
        await worker.load_one()
    assert (await service.file(stuck))["status"] == ends_as
    assert len(tried) == {1000.0: 1, 0.0: 6 if ends_as == "reading" else 3}[pause]


async def test_leftovers_that_cannot_be_deleted_do_not_stop_loading(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    await service.rows("INSERT INTO file_part SELECT file_id, 0, 'left' FROM file")

    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(loading, "_clear", fails)
    assert (await service.load(portfolio_id, row("C-2")))["status"] == "loaded"


async def test_rejected_rows_and_unconfirmed_files_expire(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    old = await service.load(portfolio_id, *(row(f"C-{n}") for n in range(5)), row("C-9", amount_due="x"))
    young = await service.load(portfolio_id, row("C-8", amount_due="x"), row("C-2"))
    waiting = (await service.upload(portfolio_id, csv_of(row("C-1")), "2026-09-11", "snapshot")).json()["file_id"]
    assert await service.loader.load_one()
    assert (await service.file(waiting))["status"] == "needs_confirmation"
    await expiry.expire(service.database)
    assert len(await service.rejects(old["file_id"])) == len(await service.rejects(young["file_id"])) == 2

    past = "- interval '31 days'"
    await service.rows(
        f"UPDATE file SET finished_at = finished_at {past} WHERE file_id = $1::text::uuid", old["file_id"]
    )
    await service.rows(f"UPDATE file SET received_at = received_at {past} WHERE file_id = $1::text::uuid", waiting)
    await expiry.expire(service.database)
    assert len(await service.rows("SELECT FROM file_reject")) == 1
    gone = await service.client.get(f"/v1/files/{old['file_id']}/rejects")
    assert (gone.status_code, gone.json()["type"]) == (409, "urn:recobro:problem:rejects-expired")
    ended = await service.file(waiting)
    assert (ended["status"], ended["error_code"]) == ("failed", "not_confirmed")
    for table in ("file_part", "file_row", "file_contract", "file_contact"):
        assert await service.rows(f"SELECT FROM {table}") == []


async def test_a_defect_of_a_background_task_is_known(service: ServiceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    worker = loading.Loader(service.database)
    monkeypatch.setattr(worker, "clear_leftovers", fails)
    monkeypatch.setattr(expiry, "expire", fails)
    kept = {task.name: task.run for task in worker.kept()}
    assert list(kept) == ["loader 1", "loader 2", "expiry of files"]
    for run in kept.values():
        with pytest.raises(ZeroDivisionError):
            await run()
