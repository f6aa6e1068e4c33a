"""Rows that are written again after a restore get the same ids: payments and clarifications."""

from typing import Any
from uuid import uuid4

import httpx
from portfolio.handlers import consumer
from portfolio.ledger.fact_identities import clarification_id_of, payment_id_of
from portfolio_builders import Given, days_ago, pay
from recobro_events.contracts import dialer_feed, field_visits
from recobro_events.contracts.portfolio import ClarificationOpened, PaymentReceived
from recobro_events.testing import apply_records, published, record_of


async def lose(given: Given, *tables: str) -> None:
    """Delete all rows of these tables, as a restore loses rows written after the backup."""
    async with given.database.transaction() as tx:
        for table in tables:
            await tx.execute(f"DELETE FROM {table}")


async def test_a_payment_that_is_entered_again_gets_the_same_id(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    one, other = [{"channel": channel, "reference": "R-1"} for channel in ("spei", "store")]
    first = [(await pay(client, contract_id, "10.00", **names))["payment_id"] for names in (one, other)]
    assert len(set(first)) == 2
    assert first[0] == str(payment_id_of(portfolio_id, "spei", "R-1"))
    await lose(given, "payment_allocation", "payment")
    assert [(await pay(client, contract_id, "10.00", **names))["payment_id"] for names in (one, other)] == first
    events = await published(given.database, PaymentReceived)
    assert [str(event.payment_id) for event in events] == first * 2


async def test_payments_of_two_portfolios_or_without_a_reference_get_different_ids(
    client: httpx.AsyncClient, given: Given
) -> None:
    here, there = [await given.contract(await given.portfolio(), (days_ago(40), "100.00")) for _ in range(2)]
    ids = [(await pay(client, contract_id, "10.00", reference="R-1"))["payment_id"] for contract_id in (here, there)]
    ids += [(await pay(client, here, "10.00"))["payment_id"] for _ in range(2)]
    assert len(set(ids)) == 4


async def test_channel_and_reference_are_not_confused(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    channels = {"payment_channels": ["bank", "bank:7"]}
    assert (await client.patch(f"/v1/portfolios/{portfolio_id}", json=channels)).status_code == 200
    split: list[dict[str, Any]] = [
        {"channel": "bank:7", "reference": "1"},
        {"channel": "bank", "reference": "7:1"},
    ]
    assert len({(await pay(client, contract_id, "10.00", **names))["payment_id"] for names in split}) == 2


async def test_a_clarification_gets_the_same_id_when_its_event_is_applied_again(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    asked = {"contract_id": contract_id, "reported_by": "luis"}
    records = [
        record_of(dialer_feed.ClarificationRequested(**asked, reason="amount")),
        record_of(field_visits.ClarificationRequested(**asked, reason="not_mine", visit_id=uuid4())),
    ]
    await apply_records(given.database, consumer, records)
    await lose(given, "clarification", "inbox")
    await apply_records(given.database, consumer, records)
    *before, third, fourth = [event.clarification_id for event in await published(given.database, ClarificationOpened)]
    assert before == [third, fourth]
    assert third != fourth


def test_a_clarification_opened_by_hand_gets_a_new_id_each_time() -> None:
    contract_id, event_id = uuid4(), uuid4()
    assert clarification_id_of(contract_id, None) != clarification_id_of(contract_id, None)
    assert clarification_id_of(contract_id, event_id) != clarification_id_of(uuid4(), event_id)
