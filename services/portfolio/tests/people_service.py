"""What tests of people do with the service."""

from typing import Any
from uuid import UUID, uuid5

from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, row
from tax_ids import rfc

ANA = rfc("LORA", "850505")
PHONE = "9995194875"


def ana(contract: str, customer: str = "", **cells: str) -> dict[str, str]:
    """A row of Ana López, under this customer number."""
    debtor = {"debtor_name": "Ana López Ruiz", "debtor_kind": "Física", "tax_id": ANA}
    return row(contract, debtor_number=customer) | debtor | cells


async def person_of(service: ServiceClient, portfolio_id: UUID, number: str) -> UUID:
    """The id that the contract's view shows, which is also what a reader of the events gets."""
    contract = await service.contract(portfolio_id, number)
    events = [
        *await published(service.database, ContractRegistered),
        *await published(service.database, ContractRevised),
    ]
    debtor = max((event for event in events if event.contract_number == number), key=lambda event: event.version).debtor
    shown = UUID(contract["debtor"]["person_id"])
    assert shown == (debtor.person_id or debtor.debtor_id)
    return shown


async def people_of(service: ServiceClient, portfolio_id: UUID, *numbers: str) -> int:
    """How many people these contracts belong to."""
    return len({await person_of(service, portfolio_id, number) for number in numbers})


async def decided(
    service: ServiceClient, person_id: UUID, portfolio_id: UUID, number: str, what: str, *, status: int = 201
) -> dict[str, Any]:
    """Send a link or an unlink, and return the answer."""
    body = {"contract_id": str(uuid5(portfolio_id, number)), "reason": "the clerk has called both"}
    answer = await service.client.post(f"/v1/people/{person_id}/{what}s", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def report(service: ServiceClient, portfolio_id: UUID, number: str, status: str) -> dict[str, Any]:
    path = f"/v1/contracts/{uuid5(portfolio_id, number)}/debtor-status"
    answer = await service.client.post(path, json={"status": status, "reported_by": "operator"})
    assert answer.status_code == 201, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


async def status_of(service: ServiceClient, portfolio_id: UUID, number: str) -> str:
    """The status in the contract's view, which is also that of its last events."""
    shown: str = (await service.contract(portfolio_id, number))["debtor"]["status"]
    return shown


async def mark(service: ServiceClient, portfolio_id: UUID, number: str, change: str, **more: str) -> None:
    [point] = (await service.contract(portfolio_id, number))["contact_points"]
    body = {"change": change} | more
    answer = await service.client.patch(f"/v1/contact-points/{point['contact_id']}", json=body)
    assert answer.status_code == 200, answer.text


async def marks(service: ServiceClient, portfolio_id: UUID, number: str) -> tuple[bool, bool, list[str], bool]:
    [point] = (await service.contract(portfolio_id, number))["contact_points"]
    return point["invalid"], point["opted_out"], point["refused_media"], point["usable"]


async def candidates(service: ServiceClient, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await service.get("/v1/people/candidates", **parameters))["items"]
    return found


async def why(service: ServiceClient) -> list[list[str]]:
    return [candidate["why"] for candidate in await candidates(service)]
