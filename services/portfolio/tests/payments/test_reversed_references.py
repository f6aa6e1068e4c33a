"""A reversal frees the reference for another contract, and for the same one when a person says so."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from portfolio.ledger.fact_identities import payment_id_of
from portfolio_builders import PAYMENT, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_events.testing import published

SPEI = {"channel": "spei", "reference": "SPEI-77", "again": False}


async def two_contracts(given: Given) -> tuple[UUID, UUID, UUID]:
    portfolio_id = await given.portfolio()
    wrong, right = [await given.contract(portfolio_id, (days_ago(40), "900.00")) for _ in range(2)]
    return portfolio_id, wrong, right


async def refused(client: httpx.AsyncClient, contract_id: UUID, **changes: Any) -> tuple[int, str, str | None]:
    answer = await client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | SPEI | changes)
    document = answer.json()
    return answer.status_code, document["type"].removeprefix("urn:recobro:problem:"), document.get("payment_id")


async def test_money_booked_on_the_wrong_contract_is_entered_on_the_right_one(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id, wrong, right = await two_contracts(given)
    first = await pay(client, wrong, "300.00", **SPEI)
    await reverse(client, first["payment_id"])
    second = await pay(client, right, "300.00", **SPEI)
    assert second["total_balance"] == "600.00"
    assert [UUID(one["payment_id"]) for one in (first, second)] == [
        payment_id_of(portfolio_id, "spei", "SPEI-77"),
        payment_id_of(portfolio_id, "spei", "SPEI-77", 2),
    ]
    event = (await published(given.database, PaymentReceived))[-1]
    assert (event.payment_id, event.reference) == (UUID(second["payment_id"]), "SPEI-77")
    shown = (await client.get(f"/v1/payments/{second['payment_id']}")).json()
    assert (shown["reference"], shown["contract_id"]) == ("SPEI-77", str(right))
    for path in (f"/v1/contracts/{right}/payments", f"/v1/contracts/{right}"):
        answer = (await client.get(path)).json()
        assert [one["reference"] for one in answer.get("items", answer.get("payments"))] == ["SPEI-77"]
    assert await refused(client, wrong) == (409, "payment-known", second["payment_id"])
    assert await refused(client, wrong, again=True) == (409, "payment-known", second["payment_id"])


async def test_the_same_contract_needs_again(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id, contract_id, other = await two_contracts(given)
    ids = []
    for booking in (1, 2, 3):
        receipt = await pay(client, contract_id, "300.00", **SPEI | {"again": True})
        assert receipt["payment_id"] == str(payment_id_of(portfolio_id, "spei", "SPEI-77", booking))
        await reverse(client, receipt["payment_id"])
        ids.append(receipt["payment_id"])
        before = await given.everything()
        assert await refused(client, contract_id) == (409, "reference-reversed", ids[-1])
        assert await given.everything() == before
    assert len(set(ids)) == 3
    moved = await pay(client, other, "300.00", **SPEI)
    await reverse(client, moved["payment_id"])
    assert await refused(client, contract_id) == (409, "reference-reversed", moved["payment_id"])


@pytest.mark.parametrize("spelling", ["spei-77", " SPEI - 77", "SPEI\u200b-77", "\uff33PEI-77", "SPEI\u2011\ufeff77"])
async def test_spellings_of_a_reference_are_one_reference(
    client: httpx.AsyncClient, given: Given, spelling: str
) -> None:
    _, wrong, right = await two_contracts(given)
    written = "SPEI\u201077" if "\u2011" in spelling else "SPEI-77"
    first = await pay(client, wrong, "300.00", **SPEI | {"reference": written})
    for channel in ("spei", "Spei"):
        assert await refused(client, right, reference=spelling, channel=channel) == (
            409,
            "payment-known",
            first["payment_id"],
        )
    await reverse(client, first["payment_id"])
    assert (await refused(client, wrong, reference=spelling))[1] == "reference-reversed"
    assert (await pay(client, right, "300.00", **SPEI | {"reference": spelling}))["payment_id"] != first["payment_id"]


async def test_a_reference_without_a_visible_character_is_refused(client: httpx.AsyncClient, given: Given) -> None:
    _, contract_id, _ = await two_contracts(given)
    assert (await refused(client, contract_id, reference="\u200b"))[:2] == (422, "invalid")


async def test_a_reference_that_ends_like_the_number_of_a_booking_gets_an_id_of_its_own(
    client: httpx.AsyncClient, given: Given
) -> None:
    _, wrong, right = await two_contracts(given)
    first = await pay(client, wrong, "300.00", **SPEI)
    await reverse(client, first["payment_id"])
    second = await pay(client, right, "300.00", **SPEI)
    like_it = await pay(client, right, "1.00", **SPEI | {"reference": "SPEI-77:2"})
    assert len({one["payment_id"] for one in (first, second, like_it)}) == 3


async def test_a_free_reference_that_two_contracts_want_at_once_is_booked_once(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id, wrong, right = await two_contracts(given)
    third = await given.contract(portfolio_id, (days_ago(40), "900.00"))
    await reverse(client, (await pay(client, wrong, "300.00", **SPEI))["payment_id"])
    answers = await asyncio.gather(
        *(
            client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | SPEI)
            for contract_id in (right, third, right, third)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["type"][-13:] for answer in answers if answer.status_code == 409} == {"payment-known"}
    assert len(await published(given.database, PaymentReceived)) == 2


async def test_the_channel_is_one_of_the_portfolios_in_any_case(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id, contract_id, _ = await two_contracts(given)
    receipt = await pay(client, contract_id, "1.00", channel="SPEI")
    assert (await client.get(f"/v1/payments/{receipt['payment_id']}")).json()["channel"] == "spei"
    before = await given.everything()
    for channel in ("oxxo", "file", "FILE"):
        assert (await refused(client, contract_id, channel=channel))[:2] == (422, "invalid")
    assert await given.everything() == before
    settings = {"payment_channels": ["OXXO"]}
    assert (await client.patch(f"/v1/portfolios/{portfolio_id}", json=settings)).status_code == 200
    await pay(client, contract_id, "1.00", channel="oxxo")
    assert (await refused(client, contract_id))[:2] == (422, "invalid")
