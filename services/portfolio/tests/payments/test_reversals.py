"""Reversals over HTTP: afterwards the contract is as if the payment had never been made."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portfolio.ledger.positions import reapply_payments, reposition
from portfolio.payments.rules import has_counted_reversal
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import (
    ContractRevised,
    ContractStageChanged,
    ContractState,
    PaymentReapplied,
    PaymentReversed,
    StageCause,
)
from recobro_events.testing import published
from service_client import ServiceClient, row


async def test_a_reversal_restores_everything_and_happens_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = dict(await given.row(contract_id))
    receipt = await pay(client, contract_id, "150.00")
    undone = await reverse(client, receipt["payment_id"])
    assert (undone["overdue_balance"], undone["stage"], undone["state"]) == ("100.00", "late", "open")
    after = dict(await given.row(contract_id))
    moving = {"version", "details_version"}
    assert {k: v for k, v in after.items() if k not in moving} == {k: v for k, v in before.items() if k not in moving}
    [event] = await published(given.database, PaymentReversed)
    assert (event.amount, event.currency, event.reason) == (Decimal("150.00"), "MXN", "bounced")
    assert (event.overdue_balance, event.state, event.days_past_due) == (Decimal("100.00"), ContractState.OPEN, 40)
    assert (await published(given.database, ContractStageChanged))[-1].cause is StageCause.REVERSAL
    revised = (await published(given.database, ContractRevised))[-1]
    assert (revised.state, revised.last_payment, revised.version) == (ContractState.OPEN, None, event.version + 1)
    unchanged = await given.everything()
    again = await client.post(f"/v1/payments/{receipt['payment_id']}/reversal", json={"reason": "again"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:payment-reversed")
    assert await given.everything() == unchanged


async def test_a_reversal_lets_the_credit_of_later_payments_pay(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    first = await pay(client, contract_id, "100.00")
    second = await pay(client, contract_id, "30.00")
    undone = await reverse(client, first["payment_id"])
    assert (undone["total_balance"], undone["state"]) == ("70.00", "open")
    assert (await client.get(f"/v1/payments/{second['payment_id']}")).json()["credit"] == "0.00"


async def test_a_reversal_does_not_count_a_new_episode(client: httpx.AsyncClient, given: Given) -> None:
    """The payment ends episode 1, and episode 2 begins later. Without the payment, episode 1 lasts all the time."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(-5), "50.00"))
    paid = await pay(client, contract_id, "100.00")
    later = TODAY + timedelta(days=6)
    await given.business_date(portfolio_id, later)
    async with given.database.transaction() as tx:
        await reposition(tx, [contract_id], cause=StageCause.DAILY_RUN)
    assert (await given.row(contract_id))["episode"] == 2
    await reverse(client, paid["payment_id"])
    row = await given.row(contract_id)
    assert (row["episode"], row["days_past_due"], row["overdue_balance"]) == (1, 46, Decimal("150.00"))


async def absorb(given: Given, contract_id: UUID, payment_id: str, *instalments: tuple[int, date, str]) -> None:
    """Restate the contract as a file does whose amounts include the payment."""
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE payment SET absorbed_by = $2 WHERE payment_id = $1", payment_id, uuid4())
        await tx.execute("DELETE FROM instalment WHERE contract_id = $1", contract_id)
        for number, due_on, amount in instalments:
            await tx.execute(
                "INSERT INTO instalment VALUES ($1, $2, $3, $4::text::numeric, $4::text::numeric)",
                contract_id,
                number,
                due_on,
                amount,
            )
        await reapply_payments(tx, [contract_id])
        await reposition(tx, [contract_id], cause=StageCause.REVISION)


async def test_reversing_an_absorbed_payment_puts_the_amounts_back_at_their_old_due_dates(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(
        await given.portfolio(), (days_ago(70), "100.00"), (days_ago(40), "100.00"), (days_ago(10), "100.00")
    )
    paid = await pay(client, contract_id, "230.00")
    # Number 1 is another instalment now, the instalment of 40 days ago is gone, that of 10 days ago has another number.
    await absorb(given, contract_id, paid["payment_id"], (1, days_ago(2), "5.00"), (7, days_ago(10), "70.00"))
    assert (await given.row(contract_id))["days_past_due"] == 10
    undone = await reverse(client, paid["payment_id"])
    assert (undone["overdue_balance"], undone["days_past_due"], undone["stage"]) == ("305.00", 70, "late")
    rows = await given.rows("SELECT number, due_on, amount, unpaid FROM instalment ORDER BY due_on")
    assert [(row["due_on"], str(row["amount"]), str(row["unpaid"])) for row in rows] == [
        (days_ago(70), "100.00", "100.00"),
        (days_ago(40), "100.00", "100.00"),
        (days_ago(10), "100.00", "100.00"),
        (days_ago(2), "5.00", "5.00"),
    ]
    assert {row["due_on"]: row["number"] for row in rows} == {
        days_ago(70): 8,
        days_ago(40): 2,
        days_ago(10): 7,
        days_ago(2): 1,
    }
    revised = (await published(given.database, ContractRevised))[-1]
    assert [line.due_on for line in revised.instalments] == [row["due_on"] for row in rows]


async def test_payments_after_the_file_are_applied_again_when_an_absorbed_one_is_reversed(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(70), "100.00"), (days_ago(40), "100.00"))
    absorbed = await pay(client, contract_id, "100.00")
    await absorb(given, contract_id, absorbed["payment_id"], (2, days_ago(40), "100.00"))
    await pay(client, contract_id, "60.00")
    await reverse(client, absorbed["payment_id"])
    assert await given.unpaid(contract_id) == ["40.00", "100.00"]


async def test_an_absorbed_payment_reversed_on_a_withdrawn_contract_is_owed_again_and_it_stays_withdrawn(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(70), "100.00"), (days_ago(40), "100.00"))
    absorbed = await pay(client, contract_id, "100.00")
    await absorb(given, contract_id, absorbed["payment_id"], (2, days_ago(40), "100.00"))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET state = 'withdrawn'")
    undone = await reverse(client, absorbed["payment_id"])
    assert (undone["state"], undone["total_balance"]) == ("withdrawn", "200.00")
    assert (await published(given.database, ContractRevised))[-1].state is ContractState.WITHDRAWN


STEPS = st.lists(
    st.one_of(st.tuples(st.just("pay"), st.integers(1, 200)), st.tuples(st.just("days"), st.integers(1, 25))),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    instalments=st.lists(st.tuples(st.integers(-60, 60), st.integers(1, 150)), min_size=1, max_size=4),
    before=STEPS,
    amount=st.integers(1, 400),
    after=STEPS,
)
async def test_after_a_reversal_the_contract_is_as_if_the_payment_had_never_been_made(
    client: httpx.AsyncClient,
    given: Given,
    instalments: list[tuple[int, int]],
    before: list[tuple[str, int]],
    amount: int,
    after: list[tuple[str, int]],
) -> None:
    owed = [(days_ago(day), f"{cents}.00") for day, cents in instalments]

    async def contract_after(with_the_payment: bool) -> UUID:
        portfolio_id = await given.portfolio()
        contract_id, day = await given.contract(portfolio_id, *owed), TODAY
        payment_id = None
        for step in [*before, ("reversed", amount), *after]:
            if step[0] == "days":
                day += timedelta(days=step[1])
                await given.business_date(portfolio_id, day)
                async with given.database.transaction() as tx:
                    await reposition(tx, [contract_id], cause=StageCause.DAILY_RUN)
            elif step[0] == "pay":
                await pay(client, contract_id, f"{step[1]}.00")
            elif with_the_payment:
                payment_id = (await pay(client, contract_id, f"{step[1]}.00"))["payment_id"]
        if payment_id is not None:
            await reverse(client, payment_id)
        return contract_id

    one, other = await contract_after(True), await contract_after(False)  # noqa: FBT003
    compared = [
        "state",
        "stage",
        "days_past_due",
        "overdue_balance",
        "total_balance",
        "oldest_due_on",
        "next_change_on",
        "episode",
    ]
    left, right = await given.row(one), await given.row(other)
    assert {name: left[name] for name in compared} == {name: right[name] for name in compared}
    assert await given.unpaid(one) == await given.unpaid(other)
    counted = "SELECT amount, credit, episode_before FROM payment WHERE contract_id = $1 AND reversed_at IS NULL"
    assert await given.rows(f"{counted} ORDER BY sequence", one) == await given.rows(
        f"{counted} ORDER BY sequence", other
    )


async def test_two_reversals_at_once_undo_once(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    paid = await pay(client, contract_id, "60.00")
    address = f"/v1/payments/{paid['payment_id']}/reversal"
    answers = await asyncio.gather(*(client.post(address, json={"reason": "bounced"}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert await given.unpaid(contract_id) == ["100.00"]


@pytest.mark.parametrize(
    ("stated", "absorbed", "reversed_on", "counted"),
    [
        (14, 12, 13, True),
        (14, 12, 14, True),
        (14, 12, 15, False),
        (14, 12, 12, True),
        (12, 12, 12, False),
        (12, 12, 11, True),
        (12, 12, 13, False),
        (12, None, 12, False),
    ],
)
def test_a_statement_has_counted_the_reversals_before_its_day(
    stated: int, absorbed: int | None, reversed_on: int, counted: bool
) -> None:
    def day(number: int) -> date:
        return date(2026, 9, number)

    assert has_counted_reversal(day(stated), day(absorbed) if absorbed else None, day(reversed_on)) is counted


async def reversed_after_files(service: ServiceClient, reversed_on: str | None, *files: tuple[str, str]) -> str:
    """What the contract owes when a payment of 300.00 on the 11th is reversed after these files."""
    portfolio_id = await service.portfolio(delta_rows="whole")
    await service.load(portfolio_id, row(amount_due="900.00"), as_of="2026-09-10")
    paid = await service.pay(portfolio_id, "C-1", "300.00", "2026-09-11")
    for as_of, amount in files:
        await service.load(portfolio_id, row(amount_due=amount), as_of=as_of)
    body = {"reason": "bounced"} | ({"reversed_on": reversed_on} if reversed_on else {})
    answer = await service.client.post(f"/v1/payments/{paid['payment_id']}/reversal", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["total_balance"])


INCLUDED, TAKEN_BACK = ("2026-09-12", "600.00"), ("2026-09-14", "900.00")


@pytest.mark.parametrize(
    ("reversed_on", "files", "owed"),
    [
        ("2026-09-11", [], "900.00"),
        ("2026-09-12", [INCLUDED], "900.00"),
        ("2026-09-13", [INCLUDED], "900.00"),
        (None, [INCLUDED], "900.00"),
        ("2026-09-13", [INCLUDED, TAKEN_BACK], "900.00"),
        ("2026-09-14", [INCLUDED, TAKEN_BACK], "900.00"),
        ("2026-09-15", [INCLUDED, ("2026-09-14", "600.00")], "900.00"),
        (None, [INCLUDED, ("2026-09-14", "600.00")], "900.00"),
    ],
)
async def test_a_reversal_counts_once_whichever_file_has_heard_of_it(
    service: ServiceClient, reversed_on: str | None, files: list[tuple[str, str]], owed: str
) -> None:
    assert await reversed_after_files(service, reversed_on, *files) == owed


async def test_the_day_of_a_reversal_is_kept_and_published(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    named, unnamed = [await pay(client, contract_id, "10.00", paid_on=str(days_ago(2))) for _ in range(2)]
    before = await given.everything()
    for day in (days_ago(3), date(2095, 1, 1)):
        body = {"reason": "bounced", "reversed_on": str(day)}
        answer = await client.post(f"/v1/payments/{named['payment_id']}/reversal", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reversed_on")
    assert await given.everything() == before
    body = {"reason": "bounced", "reversed_on": str(days_ago(1))}
    answer = await client.post(f"/v1/payments/{named['payment_id']}/reversal", json=body)
    assert answer.json()["reversed_on"] == str(days_ago(1))
    earliest = datetime.now(ZoneInfo("America/Mexico_City")).date()
    undone = await reverse(client, unnamed["payment_id"])
    assert date.fromisoformat(undone["reversed_on"]) >= earliest
    days = [event.reversed_on for event in await published(given.database, PaymentReversed)]
    assert days == [days_ago(1), date.fromisoformat(undone["reversed_on"])]
    shown = (await client.get(f"/v1/payments/{named['payment_id']}")).json()
    assert shown["reversed_on"] == str(days_ago(1))


async def test_payments_whose_credit_changes_by_a_reversal_or_a_correction_are_published_as_reapplied(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    first = await pay(client, contract_id, "100.00")
    others = [await pay(client, contract_id, amount) for amount in ("30.00", "20.00", "70.00")]
    await reverse(client, first["payment_id"])
    reapplied = await published(given.database, PaymentReapplied)
    assert [(str(event.payment_id), str(event.credit)) for event in reapplied] == [
        (others[0]["payment_id"], "0.00"),
        (others[1]["payment_id"], "0.00"),
        (others[2]["payment_id"], "20.00"),
    ]
    [undone] = await published(given.database, PaymentReversed)
    assert [event.version for event in reapplied] == [undone.version + n for n in (1, 2, 3)]
    assert {(event.total_balance, event.currency, event.state) for event in reapplied} == {
        (Decimal("0.00"), "MXN", ContractState.SETTLED)
    }
    dispute = await client.post(
        f"/v1/contracts/{contract_id}/clarifications", json={"reason": "amount", "opened_by": "debtor"}
    )
    correction = {"outcome": "upheld", "corrections": [{"instalment": 1, "amount": "40.00"}]}
    address = f"/v1/clarifications/{dispute.json()['clarification_id']}/resolution"
    assert (await client.post(address, json=correction)).status_code == 201
    later = (await published(given.database, PaymentReapplied))[3:]
    assert [(str(event.payment_id), str(event.credit), str(event.amount)) for event in later] == [
        (others[1]["payment_id"], "10.00", "20.00"),
        (others[2]["payment_id"], "70.00", "70.00"),
    ]
    assert later[-1].version == (await given.row(contract_id))["version"]


async def test_a_file_publishes_the_payments_whose_credit_it_changes(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio(delta_rows="whole")
    await service.load(portfolio_id, row(amount_due="100.00"), as_of="2026-09-10")
    paid = await service.pay(portfolio_id, "C-1", "130.00", "2026-09-20")
    await service.load(portfolio_id, row(amount_due="120.00"), as_of="2026-09-12")
    [event] = await published(service.database, PaymentReapplied)
    assert (str(event.payment_id), str(event.credit), event.total_balance) == (paid["payment_id"], "10.00", Decimal(0))
