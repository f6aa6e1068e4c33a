"""Who is one person, as a clerk sees it in a week of files."""

from uuid import UUID, uuid5

import pytest
from people_service import ANA, ana, candidates, decided, people_of, person_of, report, status_of, why
from recobro_events.contracts.portfolio import ContractRevised, DebtorStatusChanged
from recobro_events.testing import published
from service_client import ServiceClient, row
from tax_ids import rfc


async def test_one_person_with_two_customer_numbers_is_linked_across_portfolios(service: ServiceClient) -> None:
    cards = await service.portfolio()
    [creditor] = await service.rows("SELECT creditor_id FROM portfolio")
    loans = await service.portfolio(creditor_id=str(creditor["creditor_id"]), name="Loans")
    await service.load(cards, ana("A-1", "K1"))
    await service.load(loans, ana("B-1", "K2", debtor_name="LOPEZ RUIZ, ANA", tax_id=ANA.lower()))

    first = await person_of(service, cards, "A-1")
    assert first == await person_of(service, loans, "B-1")
    creditor_id = creditor["creditor_id"]
    assert first == uuid5(creditor_id, str(uuid5(creditor_id, "K1")))
    assert await candidates(service) == []
    lines = [line for line in await service.history(cards, "A-1") if line["kind"] == "person_linked"]
    assert [line["data"]["person_id"] for line in lines] == [str(first)]
    assert ANA not in str(lines)


async def test_a_file_without_customer_numbers_links_the_contracts_of_one_person(service: ServiceClient) -> None:
    """Also when they stand far apart: here each contract is applied in a transaction of its own."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1"), row("M-1", tax_id=rfc("PEGJ", "800101")), ana("Z-9"))
    assert await people_of(service, portfolio_id, "A-1", "Z-9") == 1
    assert await people_of(service, portfolio_id, "A-1", "M-1") == 2

    before = len(await published(service.database, ContractRevised))
    await service.load(portfolio_id, ana("A-1"), ana("Z-9"), as_of="2026-09-11")
    assert len(await published(service.database, ContractRevised)) == before + 2


async def test_customers_of_two_creditors_are_never_one_person(service: ServiceClient) -> None:
    one, other = await service.portfolio(), await service.portfolio()
    await service.load(one, ana("A-1", "K1"))
    await service.load(other, ana("B-1", "K2"))
    assert await person_of(service, one, "A-1") != await person_of(service, other, "B-1")
    assert await candidates(service) == []


async def test_two_brothers_and_a_typo_in_the_tax_id_of_one(service: ServiceClient) -> None:
    """José's clerk has typed Juan's RFC. The next file corrects it."""
    portfolio_id = await service.portfolio()
    juan = {"debtor_name": "Juan Pérez Gómez", "tax_id": rfc("PEGJ", "800101")}
    jose = {"debtor_name": "José Pérez Gómez", "tax_id": rfc("PEGJ", "820202")}
    typo = jose | {"tax_id": juan["tax_id"]}
    await service.load(portfolio_id, row("A-1", debtor_number="K1") | juan, row("B-1", debtor_number="K2") | typo)
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    assert await why(service) == [["name_differs"]]

    await service.load(portfolio_id, row("B-1", debtor_number="K2") | jose, as_of="2026-09-11")
    assert await candidates(service) == []


async def test_brothers_whose_names_differ_in_one_letter_part_when_the_tax_id_is_corrected(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    mario = {"debtor_name": "Mario Pérez", "tax_id": rfc("PEMA", "800101")}
    maria = {"debtor_name": "María Pérez", "tax_id": rfc("PEMA", "820202")}
    typo = maria | {"tax_id": mario["tax_id"]}
    await service.load(portfolio_id, row("A-1", debtor_number="K1") | mario, row("B-1", debtor_number="K2") | typo)
    person_id = await person_of(service, portfolio_id, "A-1")
    assert await person_of(service, portfolio_id, "B-1") == person_id

    await service.load(portfolio_id, row("B-1", debtor_number="K2") | maria, as_of="2026-09-11")
    assert await person_of(service, portfolio_id, "A-1") == person_id
    assert await person_of(service, portfolio_id, "B-1") == UUID(
        (await service.contract(portfolio_id, "B-1"))["debtor"]["debtor_id"]
    )


async def test_of_three_the_one_whose_tax_id_is_corrected_leaves_though_they_came_first(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"), ana("C-1", "K3"))
    person_id = await person_of(service, portfolio_id, "A-1")
    await service.load(portfolio_id, ana("A-1", "K1", tax_id=rfc("LORA", "860606")), as_of="2026-09-11")
    assert await person_of(service, portfolio_id, "B-1") == await person_of(service, portfolio_id, "C-1") == person_id
    assert await person_of(service, portfolio_id, "A-1") != person_id
    # The first customer finds another one: the former id is another person's.
    await service.load(portfolio_id, ana("D-1", "K4", tax_id=rfc("LORA", "860606")), as_of="2026-09-12")
    assert await people_of(service, portfolio_id, "A-1", "D-1") == 1
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2


async def test_a_company_and_its_owner_with_one_tax_id_are_two(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    company = {"debtor_name": "Ana López Ruiz", "debtor_kind": "Moral"}
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2") | company)
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    [candidate] = await candidates(service)
    assert (candidate["tax_id"], candidate["why"], candidate["customers_total"]) == (ANA, ["kind_differs"], 2)
    assert [one["contracts"][0]["contract_number"] for one in candidate["customers"]] == ["A-1", "B-1"]


@pytest.mark.parametrize("generic", ["XAXX010101000", "XEXX-010101-000", "000000000000", "0"])
async def test_a_generic_tax_id_is_nobodys_and_makes_no_candidates(service: ServiceClient, generic: str) -> None:
    portfolio_id = await service.portfolio()
    rows = [ana(f"A-{n}", f"K{n}", tax_id=generic) for n in range(3)]
    await service.load(portfolio_id, *rows)
    assert await people_of(service, portfolio_id, "A-0", "A-1", "A-2") == 3
    assert await candidates(service) == []


async def test_a_tax_id_of_more_than_ten_customers_links_none(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(ana(f"A-{n:02}", f"K{n}") for n in range(11)))
    assert await people_of(service, portfolio_id, *(f"A-{n:02}" for n in range(11))) == 11
    assert await why(service) == [["too_many_customers"]]


async def test_without_a_true_check_digit_only_a_person_links(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    wrong = ANA[:-1] + ("1" if ANA[-1] != "1" else "2")
    await service.load(portfolio_id, ana("A-1", "K1", tax_id=wrong), ana("B-1", "K2", tax_id=wrong))
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    [candidate] = await candidates(service)
    assert candidate["why"] == ["bad_check_digit"]

    one, other = candidate["customers"]
    linked = await decided(service, UUID(one["person_id"]), portfolio_id, "B-1", "link")
    assert {member["linked_by"] for member in linked["customers"]} == {"decision"}
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 1
    assert other["person_id"] != linked["person_id"] != one["person_id"]
    assert await candidates(service) == []


async def test_a_country_without_check_digits_links_nobody_by_itself(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio(jurisdiction="US", currency="USD")
    await service.load(portfolio_id, ana("A-1", "K1", tax_id="123-45-6789"), ana("B-1", "K2", tax_id="123456789"))
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    assert await why(service) == [["no_check_digit"]]


async def test_a_wife_with_her_husbands_number_is_herself(service: ServiceClient) -> None:
    """They share a phone and a surname: he is dead, and she is called."""
    portfolio_id = await service.portfolio()
    husband = row("A-1", debtor_number="K1", debtor_name="Juan Pérez Gómez", tax_id=rfc("PEGJ", "800101"))
    wife = row("B-1", debtor_number="K2", debtor_name="Rosa Pérez Luna", tax_id=rfc("PELR", "820202"))
    await service.load(portfolio_id, husband, wife)
    await report(service, portfolio_id, "A-1", "deceased")
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    assert await status_of(service, portfolio_id, "B-1") == "active"
    assert (await service.contract(portfolio_id, "B-1"))["holds"] == []
    assert await candidates(service) == []


async def test_a_dead_mans_other_contract_is_silent_from_its_file_on_and_his_widows_is_not(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    widow = row("W-1", debtor_number="K3", debtor_name="Rosa Pérez Luna", tax_id=rfc("PELR", "820202"))
    await service.load(portfolio_id, ana("A-1", "K1"), widow)
    await report(service, portfolio_id, "A-1", "deceased")

    await service.load(portfolio_id, ana("B-1", "K2"), as_of="2026-09-11")

    assert await status_of(service, portfolio_id, "B-1") == "deceased"
    assert await status_of(service, portfolio_id, "W-1") == "active"
    b1 = uuid5(portfolio_id, "B-1")
    events = [event for event in await published(service.database, DebtorStatusChanged) if event.contract_id == b1]
    assert [event.status for event in events] == ["deceased"]
    # A file that does not know his tax id any better takes the silence from nobody without a person's word.
    await service.load(portfolio_id, ana("B-1", "K2", tax_id=rfc("LORA", "860606")), as_of="2026-09-12")
    assert await status_of(service, portfolio_id, "B-1") == "deceased"
    assert await why(service) == [["tax_id_changed"]]
    person_id = await person_of(service, portfolio_id, "B-1")
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await status_of(service, portfolio_id, "B-1") == "active"
    assert await status_of(service, portfolio_id, "A-1") == "deceased"
    assert await candidates(service) == []


async def test_a_contract_may_move_between_the_customers_of_one_dead_person(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"))
    await report(service, portfolio_id, "A-1", "deceased")
    file = await service.load(portfolio_id, ana("A-1", "K2"), as_of="2026-09-11")
    assert (file["undecided"], file["person_changed"]) == (0, 1)
    assert await status_of(service, portfolio_id, "A-1") == "deceased"


async def test_a_contract_that_moves_away_takes_the_person_of_its_new_customer(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    other = rfc("PELR", "820202")
    rosa = {"debtor_name": "Rosa Pérez Luna", "tax_id": other}
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"), row("W-1", debtor_number="K3") | rosa)
    person_id = await person_of(service, portfolio_id, "A-1")
    await service.load(portfolio_id, row("B-1", debtor_number="K3") | rosa, as_of="2026-09-11")
    assert await person_of(service, portfolio_id, "B-1") == await person_of(service, portfolio_id, "W-1")
    assert await person_of(service, portfolio_id, "A-1") == person_id
