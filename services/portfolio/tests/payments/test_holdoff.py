"""The day from which the days without contact count: fixed once, by the portfolio, and published with the payment."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from portfolio.ledger.whole import publish_whole, republish_whole
from portfolio_builders import PAYMENT, TODAY, Given, days_ago, pay
from recobro_events.contracts.portfolio import ContractRevised, PaymentReceived
from recobro_events.testing import published

FUTURE = date(2095, 1, 1)


def clock() -> date:
    return datetime.now(ZoneInfo("America/Mexico_City")).date()


async def held_from(client: httpx.AsyncClient, receipt: dict[str, Any]) -> str:
    return (await client.get(f"/v1/payments/{receipt['payment_id']}")).json()["holdoff_from"]  # type: ignore[no-any-return]


async def test_the_hold_off_counts_from_the_clock_where_the_business_date_is_behind_it(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(days_ago(3000)), (days_ago(3040), "100.00"))
    before = clock()
    receipt = await pay(client, contract_id, "10.00", paid_on=str(days_ago(3000)))
    [event] = await published(given.database, PaymentReceived)
    assert event.holdoff_from is not None
    assert before <= event.holdoff_from <= clock()
    assert await held_from(client, receipt) == str(event.holdoff_from)


async def test_the_hold_off_counts_from_the_business_date_where_that_is_ahead_of_the_clock(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(FUTURE), (days_ago(40), "100.00"))
    assert await held_from(client, await pay(client, contract_id, "10.00", paid_on=str(TODAY))) == str(FUTURE)


async def test_the_hold_off_counts_from_the_day_of_a_payment_that_the_bank_dates_ahead(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    tomorrow = str(clock() + timedelta(days=1))
    assert await held_from(client, await pay(client, contract_id, "10.00", paid_on=tomorrow)) == tomorrow


async def test_a_contract_is_held_on_the_days_without_contact(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(FUTURE), (days_ago(40), "100.00"))
    receipt = await pay(client, contract_id, "10.00", paid_on=str(TODAY))
    holds = (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]
    until = str(FUTURE + timedelta(days=2))
    assert {"reason": "payment", "clarification_id": None, "until": until} in holds
    await client.post(f"/v1/payments/{receipt['payment_id']}/reversal", json={"reason": "bounced"})
    holds = (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]
    assert "payment" not in [hold["reason"] for hold in holds]


async def test_the_day_stays_when_the_business_date_moves_and_travels_with_the_whole_contract(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio(FUTURE)
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await pay(client, contract_id, "10.00")
    await given.business_date(portfolio_id, FUTURE + timedelta(days=9))
    async with given.database.transaction() as tx:
        await publish_whole(tx, [contract_id], ContractRevised)
        tx.audience = "promises"
        await republish_whole(tx, [contract_id])
    revised, republished = (await published(given.database, ContractRevised))[-2:]
    assert revised.last_payment is not None
    assert revised.last_payment.holdoff_from == FUTURE
    assert [payment.holdoff_from for payment in republished.payments] == [FUTURE]


async def test_a_payment_of_before_the_column_counts_from_its_business_date(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    receipt = await pay(client, contract_id, "10.00")
    await given.rows("UPDATE payment SET holdoff_from = NULL")
    assert await held_from(client, receipt) == str(TODAY)
    whole = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert whole["payments"][0]["holdoff_from"] == str(TODAY)


async def test_a_payment_that_is_entered_again_after_a_restore_keeps_its_day(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    facts = {"reference": "R-1", "paid_on": str(days_ago(2))}
    first = await pay(client, contract_id, "10.00", **facts)
    [sent] = await published(given.database, PaymentReceived)
    await given.rows("DELETE FROM payment_allocation")
    await given.rows("DELETE FROM payment")
    await given.business_date(portfolio_id, FUTURE)
    again = await pay(client, contract_id, "10.00", **facts, holdoff_from=str(sent.holdoff_from))
    assert again["payment_id"] == first["payment_id"]
    assert (await published(given.database, PaymentReceived))[-1].holdoff_from == sent.holdoff_from


@pytest.mark.parametrize("day", [str(days_ago(3)), "2095-01-01", "yesterday"])
async def test_a_day_that_no_first_entry_can_have_had_is_refused(
    client: httpx.AsyncClient, given: Given, day: str
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    body = PAYMENT | {"paid_on": str(days_ago(2)), "holdoff_from": day}
    before = await given.everything()
    answer = await client.post(f"/v1/contracts/{contract_id}/payments", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/holdoff_from")
    assert await given.everything() == before
