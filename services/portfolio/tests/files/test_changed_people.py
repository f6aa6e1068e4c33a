"""A file gives a contract to another customer: status and marks follow the person."""

import asyncio
from typing import Any
from uuid import UUID, uuid5

import pytest
from portfolio.debtors import statuses
from portfolio.debtors.statuses import NewDebtorStatus
from portfolio.files import contacts
from recobro_events.contracts.portfolio import ContractRevised, DebtorStatus, DebtorStatusChanged
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

PHONE = "+529995194875"


def person(contract: str, customer: str) -> dict[str, str]:
    return row(contract, debtor_number=customer)


async def two_people(service: ServiceClient) -> UUID:
    """M-1 is of customer K1, M-9 of K9. Both have the same phone."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, person("M-1", "K1"), person("M-9", "K9"))
    return portfolio_id


async def moved(service: ServiceClient, portfolio_id: UUID, customer: str, day: int = 11) -> dict[str, Any]:
    file = await service.load(portfolio_id, person("M-1", customer), person("M-9", "K9"), as_of=f"2026-09-{day}")
    assert file["status"] == "loaded"
    return file


async def report(service: ServiceClient, portfolio_id: UUID, number: str, status: str) -> dict[str, Any]:
    body = {"status": status, "reported_by": "operator"}
    path = f"/v1/contracts/{uuid5(portfolio_id, number)}/debtor-status"
    answer = await service.client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


async def mark(service: ServiceClient, portfolio_id: UUID, number: str, change: str) -> None:
    [point] = (await service.contract(portfolio_id, number))["contact_points"]
    answer = await service.client.patch(f"/v1/contact-points/{point['contact_id']}", json={"change": change})
    assert answer.status_code == 200, answer.text


async def test_a_contract_takes_the_status_of_its_new_customer_and_the_outcome_lists_it(
    service: ServiceClient,
) -> None:
    portfolio_id = await two_people(service)
    await report(service, portfolio_id, "M-1", "unlocatable")
    await report(service, portfolio_id, "M-9", "deceased")

    file = await moved(service, portfolio_id, "K9")

    contract = await service.contract(portfolio_id, "M-1")
    assert (contract["debtor"]["status"], contract["holds"][0]["reason"]) == ("deceased", "deceased")
    found = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="person_changed"))["items"]
    assert [(one["contract_number"], one["known"], one["stated"]) for one in found] == [
        ("M-1", "K1 (unlocatable)", "K9 (deceased)")
    ]
    assert file["person_changed"] == 1
    event = [e for e in await published(service.database, ContractRevised) if e.contract_number == "M-1"][-1]
    assert event.debtor.status == "deceased"
    assert "person_changed" in [line["kind"] for line in await service.history(portfolio_id, "M-1")]

    outcome = await report(service, portfolio_id, "M-1", "active")
    assert (outcome["changed"], outcome["contracts"]) == (True, 2)


@pytest.mark.parametrize(("status", "reason"), [("deceased", "leaves_deceased"), ("represented", "leaves_represented")])
async def test_a_contract_leaves_a_dead_or_represented_customer_when_a_person_says_yes(
    service: ServiceClient, status: str, reason: str
) -> None:
    portfolio_id = await two_people(service)
    await report(service, portfolio_id, "M-1", status)

    file = await moved(service, portfolio_id, "K9")

    found = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="set_aside"))["items"]
    assert [(one["contract_number"], one["stated"], one["known"], one["detail"]) for one in found] == [
        ("M-1", "K9", f"K1 ({status})", reason)
    ]
    assert (file["undecided"], file["person_changed"]) == (1, 0)
    contract = await service.contract(portfolio_id, "M-1")
    assert (contract["debtor"]["debtor_number"], contract["debtor"]["status"]) == ("K1", status)
    assert "unknown_state" in [hold["reason"] for hold in contract["holds"]]

    path = f"/v1/files/{file['file_id']}/confirmation"
    answer = await service.client.post(path, json={"accept": True, "contracts": ["M-1"]})
    assert answer.status_code == 200, answer.text

    contract = await service.contract(portfolio_id, "M-1")
    assert (contract["debtor"]["debtor_number"], contract["debtor"]["status"]) == ("K9", "active")
    assert contract["holds"] == []
    after = await service.file(file["file_id"])
    assert (after["undecided"], after["person_changed"]) == (0, 1)


async def test_a_contract_stays_with_its_dead_customer_when_a_person_says_no(service: ServiceClient) -> None:
    portfolio_id = await two_people(service)
    await report(service, portfolio_id, "M-1", "deceased")
    file = await moved(service, portfolio_id, "K9")
    path = f"/v1/files/{file['file_id']}/confirmation"
    assert (await service.client.post(path, json={"accept": False})).status_code == 200
    contract = await service.contract(portfolio_id, "M-1")
    assert (contract["debtor"]["debtor_number"], contract["holds"][0]["reason"]) == ("K1", "deceased")
    assert (await service.file(file["file_id"]))["undecided"] == 0


async def test_marks_stay_with_the_person_and_come_back_with_the_contract(service: ServiceClient) -> None:
    portfolio_id = await two_people(service)
    await mark(service, portfolio_id, "M-1", "opted_out")
    await mark(service, portfolio_id, "M-9", "invalid")

    async def marks() -> tuple[bool, bool]:
        [point] = (await service.contract(portfolio_id, "M-1"))["contact_points"]
        return point["opted_out"], point["invalid"]

    await moved(service, portfolio_id, "K9")
    assert await marks() == (False, True)
    await moved(service, portfolio_id, "K1", day=12)
    assert await marks() == (True, False)


async def test_a_status_that_is_reported_while_a_file_moves_the_contract_reaches_all_of_its_new_customer(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await two_people(service)
    answer = await service.upload(portfolio_id, csv_of(person("M-1", "K9")), "2026-09-11")
    file_id = answer.json()["file_id"]
    m1 = uuid5(portfolio_id, "M-1")

    async def reported() -> None:
        async with service.database.transaction() as tx:
            await statuses.set_status(tx, m1, NewDebtorStatus(status=DebtorStatus.DECEASED, reported_by="operator"))

    applied = contacts.state

    async def then_report(*arguments: Any) -> None:
        await applied(*arguments)
        tasks.append(asyncio.create_task(reported()))
        await service.until_waiting(1)

    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(contacts, "state", then_report)
    assert await service.loader.load_one()
    await asyncio.gather(*tasks)

    assert (await service.file(file_id))["status"] == "loaded"
    for number in ("M-1", "M-9"):
        assert (await service.contract(portfolio_id, number))["debtor"]["status"] == "deceased"
    named = {event.contract_id for event in await published(service.database, DebtorStatusChanged)}
    assert named == {m1, uuid5(portfolio_id, "M-9")}
