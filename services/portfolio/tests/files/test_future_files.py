"""A file of a day that is far ahead of today waits for a person, and lets the other files pass."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from chassis import clock
from service_client import ServiceClient, csv_of, row

TODAY, TOMORROW, FAR = "2026-11-28", "2026-11-29", "2027-11-27"


@pytest.fixture(autouse=True)
def evening_in_mexico(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the 29th in UTC already."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 29, 3, tzinfo=UTC))


async def loaded(service: ServiceClient) -> UUID:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"), row("C-3"), row("C-4"), row("C-5"), as_of="2026-11-26")
    return portfolio_id


async def sent(service: ServiceClient, portfolio_id: UUID, as_of: str, *rows: Any, **more: Any) -> dict[str, Any]:
    answer = await service.upload(portfolio_id, csv_of(*(rows or [row("C-1")])), as_of, **more)
    assert answer.is_success, answer.text
    file: dict[str, Any] = answer.json()
    return file


async def confirm(service: ServiceClient, file: dict[str, Any], *, accept: bool) -> dict[str, Any]:
    answer = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": accept})
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


async def test_a_file_of_the_wrong_year_waits_and_todays_file_is_loaded(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    wrong = await sent(service, portfolio_id, FAR, confirm_future=False)
    assert (wrong["status"], wrong["confirmation_reason"]) == ("needs_confirmation", "future_date")
    right = await sent(service, portfolio_id, TODAY, confirm_future=False)
    assert right["status"] == "received"
    assert await service.loader.load_one()
    assert not await service.loader.load_one()
    assert (await service.file(right["file_id"]))["status"] == "loaded"
    assert (await service.contract(portfolio_id, "C-1"))["as_of"] == TODAY

    refused = await confirm(service, wrong, accept=False)
    assert (refused["status"], refused["error_code"]) == ("failed", "not_confirmed")
    assert refused["error"] == f"An operator did not confirm that the file is of {FAR}."


async def test_a_file_whose_day_is_confirmed_is_loaded(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    file = await sent(service, portfolio_id, FAR, confirm_future=False)
    accepted = await confirm(service, file, accept=True)
    assert (accepted["status"], accepted["confirmed_by"]["subject"]) == ("received", "test")
    assert (await confirm(service, file, accept=True))["status"] == "received", "a repeated answer changes nothing"
    assert await service.loader.load_one()
    done = await service.file(file["file_id"])
    assert (done["status"], done["confirmation_reason"]) == ("loaded", "future_date")


async def test_a_file_that_is_sent_again_with_its_day_confirmed_is_loaded(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    file = await sent(service, portfolio_id, FAR, confirm_future=False)
    assert (await sent(service, portfolio_id, FAR, confirm_future=False))["status"] == "needs_confirmation"
    again = await sent(service, portfolio_id, FAR)
    assert (again["file_id"], again["status"]) == (file["file_id"], "received")
    assert await service.loader.load_one()
    assert (await service.file(file["file_id"]))["status"] == "loaded"


async def test_a_refused_file_that_is_sent_again_asks_again(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    file = await sent(service, portfolio_id, FAR, confirm_future=False)
    await confirm(service, file, accept=False)
    again = await sent(service, portfolio_id, FAR, confirm_future=False)
    assert (again["file_id"], again["status"]) == (file["file_id"], "needs_confirmation")


async def test_tomorrows_file_asks_nothing(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    assert (await sent(service, portfolio_id, TOMORROW, confirm_future=False))["status"] == "received"
    assert (await sent(service, portfolio_id, "2026-11-30", confirm_future=False))["status"] == "needs_confirmation"


async def test_to_confirm_the_day_of_a_snapshot_confirms_no_closing(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    file = await sent(service, portfolio_id, FAR, mode="snapshot", confirm_future=False)
    await confirm(service, file, accept=True)
    assert await service.loader.load_one()
    waiting = await service.file(file["file_id"])
    assert (waiting["status"], waiting["confirmation_reason"]) == ("needs_confirmation", "closes_many")
    await confirm(service, file, accept=True)
    assert await service.loader.load_one()
    assert (await service.file(file["file_id"]))["status"] == "loaded"
