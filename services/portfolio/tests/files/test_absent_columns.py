"""What a file does not state stays: absent columns, and cells that are all empty."""

from typing import Any
from uuid import UUID, uuid5

import pytest
from portfolio.tabular.profiles import FILE_COLUMNS
from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, row

BARE = ("contract_number", "debtor_name", "instalment_number", "due_date", "amount_due")
WHOLE = {
    "debtor_number": "K1",
    "debtor_kind": "Física",
    "tax_id": "SOLA800101AB1",
    "product": "card",
    "phone_1": "9995194875",
    "phone_2": "9995194876",
    "email": "ana@example.mx",
    "street": "Calle 5",
    "interior": "B",
    "postal_code": "77500",
    "city": "Cancún",
    "state": "Quintana Roo",
}
PHONE_1, PHONE_2, EMAIL = "+529995194875", "+529995194876", "ana@example.mx"


async def loaded(service: ServiceClient, **portfolio: Any) -> UUID:
    portfolio_id = await service.portfolio(**portfolio)
    await service.load(portfolio_id, row("C-1", 1, **WHOLE), row("C-2", 1, **WHOLE))
    return portfolio_id


async def next_day(
    service: ServiceClient,
    portfolio_id: UUID,
    columns: tuple[str, ...] = FILE_COLUMNS,
    mode: str = "delta",
    **cells: str,
) -> dict[str, Any]:
    """Load the next day's file with these columns, and return the contract C-1 then."""
    rows = [row(number, 1, **WHOLE | cells) for number in ("C-1", "C-2")]
    file = await service.load(portfolio_id, *rows, as_of="2026-09-11", mode=mode, columns=columns)
    assert (file["status"], file["rows_rejected"]) == ("loaded", 0), file
    return await service.contract(portfolio_id, "C-1")


def points(contract: dict[str, Any]) -> list[str]:
    return [point["value"] for point in contract["contact_points"]]


EMPTY = dict.fromkeys(WHOLE, "")


@pytest.mark.parametrize("mode", ["delta", "snapshot"])
@pytest.mark.parametrize(("columns", "cells"), [(BARE, {}), (FILE_COLUMNS, EMPTY)], ids=["absent", "empty"])
async def test_what_a_file_does_not_state_is_kept_and_a_death_with_it(
    service: ServiceClient, columns: tuple[str, ...], cells: dict[str, str], mode: str
) -> None:
    portfolio_id = await loaded(service)
    status = {"status": "deceased", "reported_by": "operator"}
    path = f"/v1/contracts/{uuid5(portfolio_id, 'C-1')}/debtor-status"
    assert (await service.client.post(path, json=status)).status_code == 201
    before = await service.contract(portfolio_id, "C-1")

    after = await next_day(service, portfolio_id, columns, mode, **cells)

    for kept in ("debtor", "product", "contact_points", "addresses", "holds"):
        assert after[kept] == before[kept], kept
    assert (after["debtor"]["status"], after["debtor"]["debtor_number"]) == ("deceased", "K1")
    assert points(after) == [PHONE_1, PHONE_2, EMAIL]
    event = (await published(service.database, ContractRevised))[-1]
    assert (event.debtor.status, event.debtor.tax_id, len(event.contact_points)) == ("deceased", "SOLA800101AB1", 3)
    assert {point.timezone for point in event.contact_points if point.kind == "phone"} == {"America/Cancun"}
    assert len(await service.rows("SELECT FROM debtor")) == 1


async def test_an_absent_phone_column_keeps_the_phone_that_was_stated_there(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    without = tuple(column for column in FILE_COLUMNS if column != "phone_2")
    contract = await next_day(service, portfolio_id, without, phone_1="5555123456")
    assert set(points(contract)) == {"+525555123456", PHONE_2, EMAIL}


async def test_a_phone_stays_in_the_time_zone_of_the_address_that_is_kept(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    contract = await next_day(service, portfolio_id, (*BARE, "phone_1"), phone_1="5555123456")
    assert {point["timezone"] for point in contract["contact_points"] if point["kind"] == "phone"} == {"America/Cancun"}


async def test_the_phones_that_rows_state_replace_the_creditors_phones_alone(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    path = f"/v1/contracts/{uuid5(portfolio_id, 'C-1')}/contact-points"
    added = {"kind": "phone", "value": "+525555000001", "provenance": "debtor"}
    assert (await service.client.post(path, json=added)).status_code == 201

    contract = await next_day(service, portfolio_id, phone_1="5555123456", phone_2="", email="")

    assert set(points(contract)) == {"+525555123456", EMAIL, "+525555000001"}


async def test_empty_cells_clear_where_the_portfolio_says_so_and_absent_columns_never_do(
    service: ServiceClient,
) -> None:
    portfolio_id = await loaded(service, empty_cells="clear")
    bare = await next_day(service, portfolio_id, BARE)
    assert (points(bare), len(bare["addresses"])) == ([PHONE_1, PHONE_2, EMAIL], 1)

    cleared = await next_day(service, portfolio_id, FILE_COLUMNS, "delta", **EMPTY)

    assert (points(cleared), cleared["addresses"]) == ([], [])
    assert (cleared["debtor"]["debtor_number"], cleared["debtor"]["tax_id"]) == ("K1", "SOLA800101AB1")


async def test_a_part_of_an_address_that_agrees_leaves_the_other_parts(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    some = (*BARE, "postal_code", "city", "state")
    same = await next_day(service, portfolio_id, some, city="CANCÚN ")
    [address] = same["addresses"]
    assert (address["street"], address["interior"], address["city"]) == ("Calle 5", "B", "CANCÚN")
    assert "no_street" not in address["issues"]

    moved = await next_day(service, portfolio_id, some, city="Tulum", postal_code="77780")

    [address] = moved["addresses"]
    assert (address["street"], address["interior"], address["city"]) == (None, None, "Tulum")
    assert "no_street" in address["issues"]


async def test_a_file_without_kinds_of_addresses_means_the_known_address(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", 1, **WHOLE, address_kind="Fiscal"))
    without = tuple(column for column in FILE_COLUMNS if column != "address_kind")

    [address] = (await next_day(service, portfolio_id, without, street="Calle 7"))["addresses"]

    assert (address["kind"], address["street"]) == ("fiscal", "Calle 7")


async def test_a_contract_of_another_customer_keeps_no_tax_id_of_the_first(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    contract = await next_day(service, portfolio_id, debtor_number="K9", tax_id="", debtor_kind="")
    assert (contract["debtor"]["debtor_number"], contract["debtor"]["tax_id"]) == ("K9", None)
    assert points(contract) == [PHONE_1, PHONE_2, EMAIL]
