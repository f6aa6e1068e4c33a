"""Decisions about phones and addresses hold while files repeat the value, and the outcome of the file lists them."""

from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from portfolio.handlers import consumer
from recobro_events.contracts.field_visits import AddressChecked, AddressVerdict
from recobro_events.testing import apply_events
from service_client import ServiceClient, row

STAYS, ENDS = "stays wrong, for the file repeats it", "no longer decides, for the file states another value"


async def kept_decisions(service: ServiceClient, file: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="kept_decisions"))["items"]
    assert file["kept_decisions"] == len(found)
    return [(item["stated"], item["known"], item["detail"]) for item in found]


async def checked(service: ServiceClient, contract_id: UUID, verdict: AddressVerdict) -> None:
    [address] = await service.rows("SELECT address_id FROM address WHERE contract_id = $1", contract_id)
    event = AddressChecked(contract_id=contract_id, visit_id=uuid4(), address_id=address["address_id"], verdict=verdict)
    await apply_events(service.database, consumer, event)


async def test_a_number_found_wrong_stays_wrong_until_the_creditor_states_another(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"))
    [point] = (await service.contract(portfolio_id, "C-1"))["contact_points"]
    wrong = await service.client.patch(f"/v1/contact-points/{point['contact_id']}", json={"change": "invalid"})
    assert wrong.status_code == 200

    repeated = await service.load(portfolio_id, row("C-1", phone_1="999 519-4875"), row("C-2"), as_of="2026-09-11")
    assert await kept_decisions(service, repeated) == [("phone_1", "wrong", STAYS)]
    [point] = (await service.contract(portfolio_id, "C-1"))["contact_points"]
    assert (point["invalid"], point["usable"]) == (True, False)

    other = await service.load(portfolio_id, row("C-1", phone_1="5555123456"), as_of="2026-09-12")
    assert await kept_decisions(service, other) == [("phone", "wrong", ENDS)]
    [point] = (await service.contract(portfolio_id, "C-1"))["contact_points"]
    assert (point["value"], point["usable"]) == ("+525555123456", True)


async def test_a_checked_address_stays_checked_until_the_creditor_states_another_place(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", street="Calle 5", state="Yucatán"))
    contract_id = uuid5(portfolio_id, "C-1")
    await checked(service, contract_id, AddressVerdict.WRONG)

    same = row("C-1", street="CALLE  5", state="Yucatán", address_kind="Fiscal")
    moved = await service.load(portfolio_id, same, as_of="2026-09-11")
    assert await kept_decisions(service, moved) == [("fiscal address", "wrong", STAYS)]
    [address] = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (address["kind"], address["verdict"], address["authorised"]) == ("fiscal", "wrong", False)

    repeated = await service.load(portfolio_id, same, as_of="2026-09-12")
    assert await kept_decisions(service, repeated) == [("fiscal address", "wrong", STAYS)]
    [address] = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (address["verdict"], address["authorised"]) == ("wrong", False)

    other = await service.load(portfolio_id, same | {"street": "Calle 6"}, as_of="2026-09-13")
    assert await kept_decisions(service, other) == [("fiscal address", "wrong", ENDS)]
    [address] = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (address["verdict"], address["authorised"]) == (None, True)


@pytest.mark.parametrize(("street", "listed"), [("Calle 5", []), ("Calle 6", [("other address", "confirmed", ENDS)])])
async def test_a_confirmed_address_is_listed_only_when_another_place_replaces_it(
    service: ServiceClient, street: str, listed: list[tuple[str, str, str]]
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", street="Calle 5"))
    await checked(service, uuid5(portfolio_id, "C-1"), AddressVerdict.CONFIRMED)
    file = await service.load(portfolio_id, row("C-1", street=street), as_of="2026-09-11")
    assert await kept_decisions(service, file) == listed
