"""Files that close and reopen contracts: snapshots, confirmation, rows of closed contracts."""

from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, row


async def test_a_snapshot_withdraws_the_open_contracts_that_have_no_row_in_it(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    numbers = [f"C-{n}" for n in range(10)]
    await service.load(portfolio_id, *map(row, numbers))
    rows = [row("C-0", amount_due="bad"), *map(row, numbers[1:8]), row("C-9", due_date="bad")]
    file = await service.load(portfolio_id, *rows, as_of="2026-09-11", mode="snapshot")

    assert (file["status"], file["contracts_to_close"]) == ("loaded", 1)
    states = {n: (await service.contract(portfolio_id, n))["state"] for n in numbers}
    assert {n for n, state in states.items() if state == "withdrawn"} == {"C-8"}
    [event] = [e for e in await published(service.database, ContractRevised) if e.contract_number == "C-8"]
    assert (event.state, event.as_of.isoformat()) == ("withdrawn", "2026-09-11")
    assert (await service.history(portfolio_id, "C-8"))[-1]["kind"] == "withdrawn"


async def test_a_snapshot_that_closes_more_than_a_fifth_waits_for_confirmation(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    file = await service.load(portfolio_id, *(row(f"C-{n}") for n in range(3)), as_of="2026-09-11", mode="snapshot")

    assert (file["status"], file["contracts_to_close"]) == ("needs_confirmation", 1)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "ready"
    assert not await service.loader.load_one()

    confirmed = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
    assert confirmed.status_code == 200
    assert confirmed.json()["uploaded_by"]["subject"] == confirmed.json()["confirmed_by"]["subject"] == "test"
    assert await service.loader.load_one()
    assert (await service.file(file["file_id"]))["status"] == "loaded"
    assert (await service.contract(portfolio_id, "C-3"))["state"] == "withdrawn"


async def test_a_snapshot_that_is_not_confirmed_changes_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    file = await service.load(portfolio_id, row("C-0", amount_due="1.00"), as_of="2026-09-11", mode="snapshot")
    refused = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": False})

    assert (refused.json()["status"], refused.json()["error_code"]) == ("failed", "not_confirmed")
    assert not await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-0"))["total_balance"] == "100.00"
    assert await published(service.database, ContractRevised) == []
    again = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
    assert again.status_code == 409


async def test_unpaid_rows_reopen_settled_and_withdrawn_contracts(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(6)))
    await service.pay(portfolio_id, "C-0", "100.00", paid_on="2026-09-10")
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(1, 5)), as_of="2026-09-11", mode="snapshot")
    assert (await service.contract(portfolio_id, "C-0"))["state"] == "settled"
    assert (await service.contract(portfolio_id, "C-5"))["state"] == "withdrawn"

    await service.load(portfolio_id, row("C-0", 2, due_date="2026-09-05"), row("C-5"), as_of="2026-09-12")
    for number in ("C-0", "C-5"):
        contract = await service.contract(portfolio_id, number)
        assert (contract["state"], contract["total_balance"]) == ("open", "100.00"), number


async def test_rows_of_returned_and_written_off_contracts_are_rejected(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"), row("C-3"))
    await service.rows("UPDATE contract SET state = 'returned' WHERE contract_number = 'C-1'")
    await service.rows("UPDATE contract SET state = 'written_off' WHERE contract_number = 'C-2'")
    file = await service.load(portfolio_id, row("C-1"), row("C-2"), row("C-3", amount_due="9.00"), as_of="2026-09-11")

    assert (file["rows_accepted"], file["rows_rejected"], file["amount_accepted"]) == (1, 2, "9.00")
    header, *lines = await service.rejects(file["file_id"])
    assert header[:3] == ["row_number", "errors", "contract_number"]
    assert [line[:3] for line in lines] == [
        ["2", "contract_number: belongs to a contract that is returned (contract_closed)", "C-1"],
        ["3", "contract_number: belongs to a contract that is written off (contract_closed)", "C-2"],
    ]
    assert lines[0][header.index("amount_due")] == "100.00"
    assert (await service.contract(portfolio_id, "C-1"))["state"] == "returned"
