"""Deltas that no longer state instalments that are unpaid: nobody is contacted until a person has decided."""

from typing import Any
from uuid import UUID

import pytest
from portfolio.files.views import MOST_CONTRACTS
from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row


def owed(*numbers: int, contract: str = "C-1", amount: str = "100.00") -> list[dict[str, str]]:
    """Rows of these instalments, due on the first of each month."""
    return [row(contract, number, amount_due=amount, due_date=f"2026-{number:02}-01") for number in numbers]


async def set_aside(service: ServiceClient, **settings: Any) -> tuple[UUID, dict[str, Any]]:
    """The contract C-1 with three instalments, and a file that states one of them; C-2 is as before."""
    portfolio_id = await service.portfolio(**settings)
    others = owed(1, contract="C-2")
    await service.load(portfolio_id, *owed(1, 2, 3), *others, as_of="2026-11-23")
    return portfolio_id, await service.load(portfolio_id, *owed(3), *others, as_of="2026-11-24")


async def decide(service: ServiceClient, file: dict[str, Any], **answer: Any) -> dict[str, Any]:
    done = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json=answer)
    assert done.status_code == 200, done.text
    decided: dict[str, Any] = done.json()
    return decided


async def staged_rows(service: ServiceClient) -> int:
    tables = ("file_row", "file_contract", "file_contact", "file_address")
    counts = [(await service.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables]
    return sum(counts)


async def state(service: ServiceClient, portfolio_id: UUID, number: str = "C-1") -> tuple[str, list[str]]:
    contract = await service.contract(portfolio_id, number)
    return contract["total_balance"], [hold["reason"] for hold in contract["holds"] if hold["reason"] != "payment"]


async def test_a_contract_without_some_of_its_unpaid_instalments_is_set_aside_alone(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)

    assert (file["status"], file["set_aside"], file["undecided"]) == ("loaded", 1, 1)
    assert await state(service, portfolio_id) == ("300.00", ["unknown_state"])
    assert await state(service, portfolio_id, "C-2") == ("100.00", [])
    [finding] = (await service.get(f"/v1/files/{file['file_id']}/findings"))["items"]
    assert (finding["kind"], finding["contract_number"]) == ("set_aside", "C-1")
    assert (finding["stated"], finding["known"], finding["detail"]) == ("100.00", "300.00", "fewer_instalments")
    [revised] = [e for e in await published(service.database, ContractRevised) if e.contract_number == "C-1"]
    assert revised.undecided
    assert str(revised.total_balance) == "300.00"
    assert (await service.history(portfolio_id, "C-1"))[-1]["kind"] == "set_aside"


async def test_an_accepted_contract_owes_what_the_file_states_and_nothing_is_a_payment(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    assert (await decide(service, file, accept=True))["undecided"] == 0

    assert await state(service, portfolio_id) == ("100.00", [])
    assert (await service.contract(portfolio_id, "C-1"))["payments"] == []
    *_, revised = [e for e in await published(service.database, ContractRevised) if e.contract_number == "C-1"]
    assert not revised.undecided
    assert await staged_rows(service) == 0
    again = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:nothing-to-confirm")


async def test_a_refused_contract_keeps_its_figures_and_may_be_contacted(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    await decide(service, file, accept=False)
    assert await state(service, portfolio_id) == ("300.00", [])
    assert await staged_rows(service) == 0
    assert (await service.history(portfolio_id, "C-1"))[-1]["kind"] == "set_aside_refused"


async def test_some_contracts_are_decided_by_number_or_id(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    names = [f"C-{n}" for n in range(3)]
    await service.load(portfolio_id, *(one for name in names for one in owed(1, 2, contract=name)), as_of="2026-11-23")
    file = await service.load(portfolio_id, *(owed(2, contract=name)[0] for name in names), as_of="2026-11-24")
    chosen = ["C-0", (await service.contract(portfolio_id, "C-1"))["contract_id"]]
    left = await decide(service, file, accept=True, contracts=chosen)

    assert left["undecided"] == 1
    assert [await state(service, portfolio_id, name) for name in names] == [
        ("100.00", []),
        ("100.00", []),
        ("200.00", ["unknown_state"]),
    ]
    wrong = await service.client.post(
        f"/v1/files/{file['file_id']}/confirmation", json={"accept": True, "contracts": ["C-2", "C-0"]}
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/contracts/1")


async def test_a_remembered_answer_makes_the_rows_of_later_deltas_whole(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    await decide(service, file, accept=True, remember=True)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["delta_rows"] == "whole"
    await service.load(portfolio_id, *owed(1, 2, contract="C-2"), as_of="2026-11-25")
    later = await service.load(portfolio_id, *owed(2, contract="C-2"), as_of="2026-11-26")
    assert (later["set_aside"], later["file_payments"]) == (0, 1)


@pytest.mark.parametrize("how", ["portfolio", "upload", "snapshot"])
async def test_rows_that_are_whole_apply_without_a_question(service: ServiceClient, how: str) -> None:
    settings = {"delta_rows": "whole"} if how == "portfolio" else {}
    portfolio_id = await service.portfolio(**settings)
    await service.load(portfolio_id, *owed(1, 2, 3), as_of="2026-11-23")
    path = f"/v1/portfolios/{portfolio_id}/files"
    query = {"as_of": "2026-11-24", "mode": "snapshot" if how == "snapshot" else "delta"}
    query |= {"rows": "whole"} if how == "upload" else {}
    answer = await service.client.post(path, params=query, content=csv_of(*owed(3)))
    assert await service.loader.load_one()

    file = await service.file(answer.json()["file_id"])
    assert (file["status"], file["set_aside"], file["file_payments"]) == ("loaded", 0, 1)
    assert await state(service, portfolio_id) == ("100.00", [])


async def test_lower_amounts_of_the_same_instalments_are_no_question(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *owed(1, 2), as_of="2026-11-23")
    file = await service.load(portfolio_id, *owed(1, 2, amount="60.00"), as_of="2026-11-24")
    assert (file["set_aside"], file["file_payments"]) == (0, 1)


async def test_a_later_file_that_states_all_instalments_answers_the_question(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    later = await service.load(portfolio_id, *owed(1, 2, 3), as_of="2026-11-25")
    assert (later["set_aside"], (await service.file(file["file_id"]))["undecided"]) == (0, 0)
    assert await state(service, portfolio_id) == ("300.00", [])
    assert await staged_rows(service) == 0


async def test_a_later_file_with_fewer_instalments_asks_anew(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    later = await service.load(portfolio_id, *owed(2, 3), as_of="2026-11-25")
    assert ((await service.file(file["file_id"]))["undecided"], later["undecided"]) == (0, 1)
    await decide(service, later, accept=True)
    assert await state(service, portfolio_id) == ("200.00", [])
    assert await staged_rows(service) == 0


async def test_a_snapshot_without_a_contract_that_waits_closes_it_and_ends_the_question(
    service: ServiceClient,
) -> None:
    portfolio_id, file = await set_aside(service)
    many = [one for n in range(9) for one in owed(1, contract=f"D-{n}")]
    await service.load(portfolio_id, *many, as_of="2026-11-25")
    await service.load(portfolio_id, *many, *owed(1, contract="C-2"), as_of="2026-11-26", mode="snapshot")
    assert (await service.contract(portfolio_id, "C-1"))["state"] == "withdrawn"
    assert (await service.file(file["file_id"]))["undecided"] == 0
    assert await staged_rows(service) == 0


async def test_a_payment_that_explains_the_missing_instalments_leaves_no_question(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *owed(1, 2, 3), as_of="2026-11-23")
    await service.pay(portfolio_id, "C-1", "200.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed(1), as_of="2026-11-25")
    assert (file["set_aside"], await state(service, portfolio_id)) == (0, ("100.00", []))


async def test_a_file_without_set_aside_contracts_has_nothing_to_remember(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, *owed(1), as_of="2026-11-23")
    path = f"/v1/files/{file['file_id']}/confirmation"
    for body in ({"accept": True, "remember": True}, {"accept": True, "contracts": ["C-1"]}, {"accept": True}):
        assert (await service.client.post(path, json=body)).status_code == 409


async def findings_of(service: ServiceClient, file: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await service.get(f"/v1/files/{file['file_id']}/findings", **wanted))["items"]
    return items


async def test_a_finding_shows_what_a_person_has_decided_and_who_waits_is_listed(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    names = [f"C-{n}" for n in range(3)]
    await service.load(portfolio_id, *(one for name in names for one in owed(1, 2, contract=name)), as_of="2026-11-23")
    file = await service.load(portfolio_id, *(owed(2, contract=name)[0] for name in names), as_of="2026-11-24")
    await decide(service, file, accept=True, contracts=["C-0"])
    await decide(service, file, accept=False, contracts=["C-1"])

    found = {item["contract_number"]: item for item in await findings_of(service, file)}
    assert [found[name]["undecided"] for name in names] == [False, False, True]
    assert [found[name]["decision"] and found[name]["decision"]["accepted"] for name in names] == [True, False, None]
    assert found["C-0"]["decision"]["decided_by"]["subject"]
    assert (found["C-2"]["stated_is"], found["C-2"]["known_is"]) == ("file_amount", "expected_amount")
    assert found["C-2"]["text"] == (
        "The file no longer states instalments that are unpaid: it states 100.00, and 200.00 was expected."
    )
    assert [item["contract_number"] for item in await findings_of(service, file, undecided=True)] == ["C-2"]
    assert len(await findings_of(service, file, undecided=False)) == 2
    contracts = await service.get("/v1/contracts", portfolio_id=portfolio_id, undecided=True)
    assert [item["contract_number"] for item in contracts["items"]] == ["C-2"]
    files = await service.get("/v1/files", portfolio_id=portfolio_id, undecided=True)
    assert [item["file_id"] for item in files["items"]] == [file["file_id"]]
    await decide(service, file, accept=True)
    assert (await service.get("/v1/files", portfolio_id=portfolio_id, undecided=True))["items"] == []


async def test_a_question_that_a_later_file_answers_waits_for_nobody_and_has_no_decision(
    service: ServiceClient,
) -> None:
    portfolio_id, file = await set_aside(service)
    await service.load(portfolio_id, *owed(1, 2, 3), as_of="2026-11-25")
    [finding] = await findings_of(service, file)
    assert (finding["undecided"], finding["decision"]) == (False, None)


async def test_a_refusal_holds_until_the_file_states_something_else(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    await decide(service, file, accept=False)
    same = await service.load(portfolio_id, *owed(3), as_of="2026-11-25")

    assert (same["set_aside"], same["undecided"], same["kept_decisions"]) == (0, 0, 1)
    [kept] = await findings_of(service, same)
    assert (kept["detail"], kept["stated"], kept["known"]) == ("refused_fewer_instalments", "100.00", "300.00")
    assert await state(service, portfolio_id) == ("300.00", [])
    assert await staged_rows(service) == 0
    assert (await service.history(portfolio_id, "C-1"))[-1]["kind"] == "refusal_kept"

    other = await service.load(portfolio_id, *owed(3, amount="90.00"), as_of="2026-11-26")
    assert (other["set_aside"], await state(service, portfolio_id)) == (1, ("300.00", ["unknown_state"]))
    back = await service.load(portfolio_id, *owed(3), as_of="2026-11-27")
    assert (back["kept_decisions"], await state(service, portfolio_id)) == (1, ("300.00", []))
    assert await staged_rows(service) == 0


async def test_a_file_that_states_the_contract_whole_ends_the_refusal(service: ServiceClient) -> None:
    portfolio_id, file = await set_aside(service)
    await decide(service, file, accept=False)
    await service.load(portfolio_id, *owed(1, 2, 3), as_of="2026-11-25")
    again = await service.load(portfolio_id, *owed(3), as_of="2026-11-26")
    assert (again["set_aside"], again["undecided"]) == (1, 1)


async def test_one_request_may_name_as_many_contracts_as_it_decides_about(service: ServiceClient) -> None:
    _, file = await set_aside(service)
    path = f"/v1/files/{file['file_id']}/confirmation"
    for names, errors in ((MOST_CONTRACTS, MOST_CONTRACTS), (MOST_CONTRACTS + 1, 1)):
        body = {"accept": True, "contracts": [f"X-{number}" for number in range(names)]}
        answer = await service.client.post(path, json=body)
        assert (answer.status_code, len(answer.json()["errors"])) == (422, errors)
