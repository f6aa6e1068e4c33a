"""Payments over HTTP: the oldest instalment first, credit, references, dates, refused input."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from portfolio_builders import PAYMENT, TODAY, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import (
    ContractClosed,
    ContractStageChanged,
    ContractState,
    PaymentReceived,
    Stage,
    StageCause,
)
from recobro_events.testing import published


async def test_a_payment_pays_the_oldest_instalment_first(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(
        await given.portfolio(), (days_ago(-10), "80.00"), (days_ago(40), "100.00"), (days_ago(10), "50.00")
    )
    receipt = await pay(client, contract_id, "120.00", reference="R-1")
    assert await given.unpaid(contract_id) == ["0.00", "30.00", "80.00"]
    assert (receipt["overdue_balance"], receipt["total_balance"]) == ("30.00", "110.00")
    assert (receipt["stage"], receipt["credit"], receipt["days_past_due"]) == ("early", "0.00", 10)
    [event] = await published(given.database, PaymentReceived)
    stored = await given.row(contract_id)
    assert (event.overdue_balance, event.total_balance) == (Decimal("30.00"), Decimal("110.00"))
    assert (event.as_of, event.days_past_due, event.days_past_due_before) == (TODAY, 10, 40)
    assert (event.oldest_due_on, event.stage, event.state) == (days_ago(10), Stage.EARLY, ContractState.OPEN)
    assert (event.payment_id, event.currency, event.reference) == (UUID(receipt["payment_id"]), "MXN", "R-1")
    assert (event.settled, event.version) == (False, stored["version"])
    [restaged] = await published(given.database, ContractStageChanged)
    assert (restaged.from_stage, restaged.to_stage, restaged.cause) == (Stage.LATE, Stage.EARLY, StageCause.PAYMENT)
    assert restaged.version == event.version - 1
    shown = (await client.get(f"/v1/payments/{receipt['payment_id']}")).json()
    assert [(line["instalment"], line["amount"]) for line in shown["allocations"]] == [(2, "100.00"), (3, "20.00")]


async def test_an_amount_beyond_the_total_is_kept_as_credit_and_the_contract_is_closed(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    receipt = await pay(client, contract_id, "150.50")
    assert (receipt["credit"], receipt["total_balance"], receipt["stage"]) == ("50.50", "0.00", "current")
    assert receipt["state"] == "settled"
    [event] = await published(given.database, PaymentReceived)
    [closed] = await published(given.database, ContractClosed)
    assert (event.settled, event.credit, event.state) == (True, Decimal("50.50"), ContractState.SETTLED)
    assert closed.reason is ContractState.SETTLED
    assert closed.version == event.version + 1 == (await given.row(contract_id))["version"]


async def test_a_payment_on_a_settled_contract_is_kept_as_credit(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await pay(client, contract_id, "100.00")
    assert (await pay(client, contract_id, "10.00"))["credit"] == "10.00"
    assert len(await published(given.database, ContractClosed)) == 1


@pytest.mark.parametrize("state", ["withdrawn", "returned", "written_off"])
async def test_a_payment_on_a_closed_contract_is_kept_as_credit(
    client: httpx.AsyncClient, given: Given, state: str
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    first = await pay(client, contract_id, "30.00")
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET state = $1", state)
    receipt = await pay(client, contract_id, "20.00")
    assert (receipt["credit"], receipt["total_balance"], receipt["state"]) == ("20.00", "70.00", state)
    undone = await reverse(client, first["payment_id"])
    assert (undone["total_balance"], undone["state"]) == ("100.00", state)
    assert await given.unpaid(contract_id) == ["100.00"]


async def test_a_reference_is_used_once_in_a_portfolio_and_channel(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    one, other = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(2)]
    first = await pay(client, one, "10.00", reference="R")
    before = await given.everything()
    for contract_id in (one, other):
        again = await client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | {"reference": "R"})
        assert again.status_code == 409
        assert again.json()["type"].endswith("payment-known")
        assert again.json()["payment_id"] == first["payment_id"]
    assert await given.everything() == before
    await pay(client, other, "10.00", reference="R", channel="store")
    elsewhere = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await pay(client, elsewhere, "10.00", reference="R")
    await pay(client, one, "10.00")
    await pay(client, one, "10.00")


async def test_a_payment_dated_before_the_business_date_restages_as_a_backdated_payment(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(5), "10.00"))
    await pay(client, contract_id, "100.00", paid_on=str(days_ago(20)))
    [restaged] = await published(given.database, ContractStageChanged)
    assert restaged.cause is StageCause.BACKDATED_PAYMENT
    assert (await given.row(contract_id))["days_past_due"] == 5


async def test_a_payment_may_be_dated_up_to_tomorrow_or_the_business_date(
    client: httpx.AsyncClient, given: Given
) -> None:
    future, past = date(2095, 1, 1), date(2001, 1, 1)
    ahead = await given.contract(await given.portfolio(future), (past, "100.00"))
    behind = await given.contract(await given.portfolio(past), (past, "100.00"))
    await pay(client, ahead, "1.00", paid_on=str(future))
    await pay(client, behind, "1.00", paid_on="2020-01-01")
    before = await given.everything()
    for contract_id, paid_on in ((ahead, future + timedelta(days=1)), (behind, date(2094, 1, 1))):
        answer = await client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | {"paid_on": str(paid_on)})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/paid_on"
    assert await given.everything() == before


async def test_a_contract_that_a_run_has_not_reached_is_staged_before_the_payment(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(30), "100.00"), (days_ago(0), "40.00"))
    tomorrow = TODAY + timedelta(days=1)
    await given.business_date(portfolio_id, tomorrow)
    receipt = await pay(client, contract_id, "100.00", paid_on=str(tomorrow))
    assert (receipt["overdue_balance"], receipt["stage"]) == ("40.00", "early")
    assert [
        (event.to_stage, event.cause, event.as_of) for event in await published(given.database, ContractStageChanged)
    ] == [
        (Stage.LATE, StageCause.DAILY_RUN, tomorrow),
        (Stage.EARLY, StageCause.PAYMENT, tomorrow),
    ]
    [event] = await published(given.database, PaymentReceived)
    assert (event.days_past_due_before, event.as_of, event.days_past_due) == (31, tomorrow, 1)


async def test_the_position_of_a_payment_is_as_of_the_business_date_though_nothing_was_due(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(35), "100.00"))
    await given.business_date(portfolio_id, TODAY + timedelta(days=5))
    await pay(client, contract_id, "1.00")
    [event] = await published(given.database, PaymentReceived)
    assert (event.as_of, event.days_past_due, event.days_past_due_before) == (TODAY + timedelta(days=5), 40, 40)


async def test_two_payments_at_once_both_count(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(10), "100.00"))
    await asyncio.gather(*(pay(client, contract_id, "15.00", reference=f"R-{n}") for n in range(8)))
    assert await given.unpaid(contract_id) == ["0.00", "80.00"]
    events = await published(given.database, PaymentReceived)
    assert [event.total_balance for event in events] == [Decimal(200 - 15 * n) for n in range(1, 9)]
    assert [event.version for event in events] == sorted({event.version for event in events})


async def test_the_same_payment_sent_at_once_counts_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    answers = await asyncio.gather(
        *(client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | {"reference": "R"}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len(await published(given.database, PaymentReceived)) == 1


async def test_the_same_key_gives_the_same_answer_and_counts_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    address, key = f"/v1/contracts/{contract_id}/payments", {"Idempotency-Key": "k-1"}
    first = await client.post(address, json=PAYMENT, headers=key)
    again = await client.post(address, json=PAYMENT, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(await published(given.database, PaymentReceived)) == 1
    other = await client.post(address, json=PAYMENT | {"amount": "1.00"}, headers=key)
    assert other.status_code == 422


BAD_PAYMENTS: list[Any] = [
    {},
    [],
    "text",
    None,
    PAYMENT | {"amount": 100},
    PAYMENT | {"amount": 100.5},
    PAYMENT | {"amount": True},
    PAYMENT | {"amount": "0.00"},
    PAYMENT | {"amount": "-1.00"},
    PAYMENT | {"amount": "-0.00"},
    PAYMENT | {"amount": "1.001"},
    PAYMENT | {"amount": "1_000"},
    PAYMENT | {"amount": "1,000.00"},
    PAYMENT | {"amount": "NaN"},
    PAYMENT | {"amount": "Infinity"},
    PAYMENT | {"amount": "1e400"},
    PAYMENT | {"amount": "1e2"},
    PAYMENT | {"amount": "1" * 13},
    PAYMENT | {"amount": " 1.00"},
    PAYMENT | {"amount": "١.٠٠"},
    PAYMENT | {"paid_on": "2026-02-31"},
    PAYMENT | {"paid_on": "31/02/2026"},
    PAYMENT | {"paid_on": "0000-01-01"},
    PAYMENT | {"paid_on": "9999-12-31"},
    PAYMENT | {"paid_on": "1999-12-31"},
    PAYMENT | {"paid_on": 1_700_000_000},
    PAYMENT | {"paid_on": "2026-09-10T00:00:00Z"},
    PAYMENT | {"channel": ""},
    PAYMENT | {"channel": "  "},
    PAYMENT | {"channel": "spei\u0000"},
    PAYMENT | {"channel": "spei\u202e"},
    PAYMENT | {"channel": "x" * 201},
    PAYMENT | {"channel": 7},
    PAYMENT | {"reference": "\u0007"},
    PAYMENT | {"reference": ""},
    PAYMENT | {"credit": "5.00"},
    PAYMENT | {"state": "settled"},
]


@pytest.mark.parametrize("body", BAD_PAYMENTS, ids=lambda body: str(body)[:60])
async def test_a_bad_payment_is_refused_and_changes_nothing(client: httpx.AsyncClient, given: Given, body: Any) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = await given.everything()
    answer = await client.post(f"/v1/contracts/{contract_id}/payments", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert await given.everything() == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"amount": NaN}', b'{"amount": 1e999}'])
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, given: Given, content: bytes) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    answer = await client.post(
        f"/v1/contracts/{contract_id}/payments", content=content, headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500


async def test_unknown_contracts_and_payments_are_404(client: httpx.AsyncClient) -> None:
    unknown = await client.post(f"/v1/contracts/{uuid4()}/payments", json=PAYMENT)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:recobro:problem:contract-unknown")
    for answer in (
        await client.post(f"/v1/payments/{uuid4()}/reversal", json={"reason": "x"}),
        await client.get(f"/v1/payments/{uuid4()}"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:payment-unknown")
    assert (await client.post("/v1/payments/7/reversal", json={"reason": "x"})).status_code == 422


async def test_the_largest_amount_is_kept_whole(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "999999999999.99"))
    receipt = await pay(client, contract_id, "999999999999.99")
    assert (receipt["total_balance"], receipt["state"]) == ("0.00", "settled")
    assert (await pay(client, contract_id, "999999999999.99"))["credit"] == "999999999999.99"


async def test_a_payment_without_a_reference_that_looks_like_a_double_needs_again(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id, other = [await given.contract(await given.portfolio(), (days_ago(40), "900.00")) for _ in range(2)]
    once = {name: value for name, value in PAYMENT.items() if name != "again"}

    async def pays(to: UUID = contract_id, subject: str = "ana", **changes: Any) -> httpx.Response:
        caller = {"Authorization": f"Bearer {mint(subject=subject)}"}
        return await client.post(f"/v1/contracts/{to}/payments", json=once | changes, headers=caller)

    first = await pays()
    assert first.status_code == 201, first.text
    double = await pays()
    assert (double.status_code, double.json()["type"]) == (409, "urn:recobro:problem:payment-doubtful")
    assert double.json()["payment_id"] == first.json()["payment_id"]
    others: list[dict[str, Any]] = [
        {"amount": "1.00"},
        {"paid_on": str(days_ago(1))},
        {"channel": "cash"},
        {"reference": "R"},
    ]
    for changes in others:
        assert (await pays(**changes)).status_code == 201, changes
    assert (await pays(to=other)).status_code == (await pays(subject="luis")).status_code == 201
    assert (await pays(again=True)).status_code == 201
    assert (await pays()).status_code == 409
    await given.rows("UPDATE payment SET received_at = received_at - interval '61 seconds'")
    assert (await pays()).status_code == 201
    bounced = (await pays(again=True)).json()["payment_id"]
    await given.rows(
        "UPDATE payment SET received_at = received_at - interval '61 seconds' WHERE payment_id <> $1", bounced
    )
    await reverse(client, bounced)
    assert (await pays()).status_code == 201
