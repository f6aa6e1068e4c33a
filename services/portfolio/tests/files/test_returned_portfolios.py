"""The creditor takes a portfolio back: its contracts close, and it leaves the day's work."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from portfolio.files import returning
from recobro_events.contracts.portfolio import ContractRevised, ContractState
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

REASON = {"reason": "end of the mandate"}


async def give_back(service: ServiceClient, portfolio_id: UUID) -> dict[str, Any]:
    answer = await service.client.post(f"/v1/portfolios/{portfolio_id}/return", json=REASON)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_all_contracts_of_a_returned_portfolio_close_in_chunks_and_others_stay(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "CHUNK_CONTRACTS", 2)
    monkeypatch.setattr(returning, "MOST_CHUNKS", 2)
    portfolio_id, other = await service.portfolio(), await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(5)))
    await service.load(other, row("C-0"))

    first = await give_back(service, portfolio_id)
    assert (first["closed"], first["left"]) == (4, 1)
    second = await give_back(service, portfolio_id)
    assert (second["closed"], second["left"], second["returned_at"]) == (1, 0, first["returned_at"])
    assert (await give_back(service, portfolio_id))["closed"] == 0

    contracts = (await service.get("/v1/contracts", portfolio_id=portfolio_id))["items"]
    assert {one["state"] for one in contracts} == {"returned"}
    assert [one["state"] for one in (await service.get("/v1/contracts", portfolio_id=other))["items"]] == ["open"]
    events = await published(service.database, ContractRevised)
    assert sorted(event.contract_number for event in events) == [f"C-{n}" for n in range(5)]
    assert {event.state for event in events} == {ContractState.RETURNED}
    history = await service.get(f"/v1/contracts/{contracts[0]['contract_id']}/history", order="desc", limit=1)
    assert history["items"][0]["summary"].endswith("takes the portfolio back: end of the mandate")


async def test_a_returned_portfolio_leaves_the_days_work_and_takes_no_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    await give_back(service, portfolio_id)
    read = await service.get(f"/v1/portfolios/{portfolio_id}")
    assert (read["return_reason"], read["returned_at"] is None) == ("end of the mandate", False)
    for returned, expected in ((True, [str(portfolio_id)]), (False, [])):
        found = (await service.get("/v1/portfolios", returned=returned))["items"]
        assert [one["portfolio_id"] for one in found] == expected
    assert {one["portfolio_id"] for one in await service.get("/v1/today")} == {None}
    assert await service.get("/v1/jobs") == []
    assert await service.get("/v1/today", portfolio_id=portfolio_id) != []
    # Days of grace of its recalls end by its business date, so that goes on.
    later = str(date.fromisoformat(read["business_date"]) + timedelta(days=1))
    await service.stage(later)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] == later
    assert await service.get("/v1/day-totals", day=later) == []
    assert len(await service.get("/v1/day-totals", day=later, portfolio_id=portfolio_id)) == 1
    refused = await service.upload(portfolio_id, csv_of(row("C-2")), later)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "portfolio-returned")


async def test_a_portfolio_is_not_returned_while_a_file_of_it_waits(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE file SET status = 'needs_confirmation'")
    refused = await service.client.post(f"/v1/portfolios/{portfolio_id}/return", json=REASON)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "files-waiting")
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["returned_at"] is None
