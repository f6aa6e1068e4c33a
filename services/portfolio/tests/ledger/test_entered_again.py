"""What a restore has lost is entered again with the ids that it had."""

from uuid import UUID

import httpx
import pytest
from portfolio_builders import PAYMENT, TODAY, Given, days_ago, pay, reverse
from recobro_events import new_event_id
from recobro_events.contracts.portfolio import ClarificationOpened, ContractPaused, PaymentReceived
from recobro_events.testing import published


@pytest.fixture
async def contract_id(given: Given) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "500.00"))


async def test_a_payment_without_a_reference_keeps_its_id_and_is_booked_once(
    client: httpx.AsyncClient, given: Given, contract_id: UUID
) -> None:
    payment_id = str(new_event_id())
    receipt = await pay(client, contract_id, "10.00", payment_id=payment_id)
    assert receipt["payment_id"] == payment_id
    for other in (contract_id, await given.contract(await given.portfolio(), (days_ago(40), "500.00"))):
        again = await client.post(f"/v1/contracts/{other}/payments", json=PAYMENT | {"payment_id": payment_id})
        assert (again.status_code, again.json()["payment_id"]) == (409, payment_id)
    await reverse(client, payment_id)
    again = await client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | {"payment_id": payment_id})
    assert again.status_code == 409, "a reversed payment is not booked again either"
    [event] = await published(given.database, PaymentReceived)
    assert str(event.payment_id) == payment_id


async def test_a_payment_with_a_reference_has_its_id_from_the_reference(
    client: httpx.AsyncClient, contract_id: UUID
) -> None:
    body = PAYMENT | {"reference": "R-1", "payment_id": str(new_event_id())}
    refused = await client.post(f"/v1/contracts/{contract_id}/payments", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/payment_id")


async def test_a_clarification_keeps_its_id_and_is_opened_once(
    client: httpx.AsyncClient, given: Given, contract_id: UUID
) -> None:
    clarification_id = str(new_event_id())
    body = {"reason": "amount", "opened_by": "debtor", "clarification_id": clarification_id, "again": True}
    opened = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=body)
    assert (opened.status_code, opened.json()["clarification_id"]) == (201, clarification_id)
    again = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:clarification-known")
    [event] = await published(given.database, ClarificationOpened)
    assert str(event.clarification_id) == clarification_id


async def test_a_pause_keeps_its_id_and_is_started_once(
    client: httpx.AsyncClient, given: Given, contract_id: UUID
) -> None:
    pause_id = str(new_event_id())
    body = {"reason": "flood", "starts_on": str(TODAY), "ends_on": str(TODAY), "pause_id": pause_id}
    started = await client.post(f"/v1/contracts/{contract_id}/pauses", json=body)
    assert (started.status_code, started.json()["pause_id"]) == (201, pause_id)
    again = await client.post(f"/v1/contracts/{contract_id}/pauses", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:pause-known")
    [event] = await published(given.database, ContractPaused)
    assert str(event.pause_id) == pause_id
