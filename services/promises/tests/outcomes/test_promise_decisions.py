"""Payments, business dates and what happens to the contract decide promises."""

import uuid
from decimal import Decimal

import pytest
from promise_scene import Scene, code_of, day
from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import (
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromisePartlyKept,
    PromiseReopened,
)


async def test_a_promise_is_kept_by_payments(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, "300.00", due=5)
    await scene.receives(contract.paid("100.00", paid_on=day(1)))
    assert await scene.state(promise) == ("open", "100.00")
    assert await scene.event_names() == ["PromiseMade"]
    await scene.receives(contract.paid("250.00", paid_on=day(2)))
    assert await scene.state(promise) == ("kept", "300.00")
    [kept] = await scene.published(PromiseKept)
    assert (kept.promised, kept.paid, kept.version) == (Decimal(300), Decimal(300), 3)
    assert kept.event_id.version == 8, "the id is derived from the cause"


@pytest.mark.parametrize(
    ("paid", "state", "event_type"), [(None, "broken", PromiseBroken), ("40.00", "partly_kept", PromisePartlyKept)]
)
async def test_a_new_business_date_decides_a_promise_whose_time_is_over(
    scene: Scene, paid: str | None, state: str, event_type: type[PromiseBroken]
) -> None:
    contract, other = await scene.registered(), await scene.registered()
    promise, later = await scene.promise(contract, due=5), await scene.promise(other, due=6)
    if paid:
        await scene.receives(contract.paid(paid, paid_on=day(1)))
    await scene.move_business_date(7)
    assert await scene.state(promise) == ("open", paid or "0.00")
    await scene.move_business_date(8)
    assert await scene.state(promise) == (state, paid or "0.00")
    assert await scene.state(later) == ("open", "0.00")
    [event] = await scene.published(event_type)
    assert (str(event.promise_id), event.paid) == (promise["promise_id"], Decimal(paid or 0))


async def test_a_business_date_of_another_portfolio_decides_nothing(scene: Scene) -> None:
    promise = await scene.promise(await scene.registered(), due=5)
    await scene.move_business_date(30, portfolio_id=uuid.uuid4())
    assert await scene.state(promise) == ("open", "0.00")


async def test_a_late_payment_that_was_made_in_time_mends_a_broken_promise(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=5)
    await scene.move_business_date(8)
    assert await scene.state(promise) == ("broken", "0.00")
    await scene.receives(contract.paid("30.00", paid_on=day(7)))
    assert await scene.state(promise) == ("partly_kept", "30.00")
    await scene.receives(contract.paid("70.00", paid_on=day(8)))
    assert await scene.state(promise) == ("partly_kept", "30.00"), "a payment that was made too late does not count"
    await scene.receives(contract.paid("70.00", paid_on=day(6)))
    assert await scene.state(promise) == ("kept", "100.00")
    assert await scene.event_names() == ["PromiseMade", "PromiseBroken", "PromisePartlyKept", "PromiseKept"]


async def test_a_payment_before_the_promise_was_made_does_not_count(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=5)
    await scene.receives(contract.paid("100.00", paid_on=day(-1)))
    assert await scene.state(promise) == ("open", "0.00")


async def test_a_reversal_reopens_a_kept_promise_while_there_is_time(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=5)
    payment = contract.paid("100.00", paid_on=day(1))
    await scene.receives(payment)
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.state(promise) == ("open", "0.00")
    [reopened] = await scene.published(PromiseReopened)
    assert (reopened.version, reopened.silent_until) == (3, day(7))


async def test_a_reversal_breaks_a_kept_promise_when_its_time_is_over(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=5)
    whole, part = contract.paid("90.00", paid_on=day(1)), contract.paid("10.00", paid_on=day(2))
    await scene.receives(whole, part)
    await scene.move_business_date(8)
    assert await scene.state(promise) == ("kept", "100.00")
    await scene.receives(contract.payment_reversed(whole))
    assert await scene.state(promise) == ("partly_kept", "10.00")
    await scene.receives(contract.payment_reversed(part))
    assert await scene.state(promise) == ("broken", "0.00")
    assert await scene.event_names() == ["PromiseMade", "PromiseKept", "PromisePartlyKept", "PromiseBroken"]


async def test_a_payment_that_arrived_on_the_day_of_the_promise_counts(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.receives(contract.paid("100.00", paid_on=day(0)))
    promise = await scene.promise(contract, due=5)
    assert (promise["state"], promise["paid"], promise["version"]) == ("kept", "100.00", 2)
    assert await scene.event_names() == ["PromiseMade", "PromiseKept"]


async def test_each_cent_counts_for_one_promise(scene: Scene) -> None:
    contract = await scene.registered()
    late, early = await scene.promise(contract, due=9), await scene.promise(contract, due=5)
    await scene.receives(contract.paid("150.00", paid_on=day(1)))
    assert await scene.state(early) == ("kept", "100.00")
    assert await scene.state(late) == ("open", "50.00")


async def test_a_promise_is_cancelled_once_and_frees_its_payments(scene: Scene) -> None:
    contract = await scene.registered()
    early, late = await scene.promise(contract, "200.00", due=5), await scene.promise(contract, "100.00", due=9)
    await scene.receives(contract.paid("100.00", paid_on=day(1)))
    path = f"/v1/promises/{early['promise_id']}/cancellation"
    answer = await scene.client.post(path, json={"reason": "misheard"})
    assert (answer.status_code, answer.json()["state"], answer.json()["paid"]) == (201, "cancelled", "0.00")
    assert answer.json()["cancellation_reason"] == "misheard"
    assert await scene.state(late) == ("kept", "100.00")
    assert await scene.event_names() == ["PromiseMade", "PromiseMade", "PromiseCancelled", "PromiseKept"]
    [cancelled] = await scene.published(PromiseCancelled)
    assert (cancelled.reason, cancelled.version) == ("misheard", 3)

    for promise in (early, late):
        again = await scene.client.post(f"/v1/promises/{promise['promise_id']}/cancellation", json={"reason": "x"})
        assert (again.status_code, code_of(again)) == (409, "promise-not-open")
    await scene.receives(contract.paid("500.00", paid_on=day(1)))
    await scene.move_business_date(30)
    assert await scene.state(early) == ("cancelled", "0.00")


@pytest.mark.parametrize("state", [ContractState.RETURNED, ContractState.WITHDRAWN, ContractState.WRITTEN_OFF])
@pytest.mark.parametrize("how", ["closed", "revised"])
async def test_closing_a_contract_unpaid_cancels_its_open_promises(
    scene: Scene, state: ContractState, how: str
) -> None:
    contract = await scene.registered()
    kept, promise = await scene.promise(contract, due=3), await scene.promise(contract, due=5)
    await scene.receives(contract.paid("100.00"))
    await scene.receives(contract.closed(state) if how == "closed" else contract.revised(state=state))
    assert await scene.state(kept) == ("kept", "100.00")
    now = await scene.read_promise(promise)
    assert (now["state"], now["cancellation_reason"]) == ("cancelled", "contract_closed")
    [cancelled] = await scene.published(PromiseCancelled)
    assert cancelled.reason == "contract_closed"


async def test_a_reversal_on_a_closed_contract_does_not_reopen_a_kept_promise(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    payment = contract.paid("100.00")
    await scene.receives(payment, contract.closed(ContractState.RETURNED), contract.payment_reversed(payment))
    assert (await scene.read_promise(promise))["cancellation_reason"] == "contract_closed"


async def test_on_a_settled_contract_the_payments_decide(scene: Scene) -> None:
    contract = await scene.registered(overdue=Decimal(100))
    promise = await scene.promise(contract)
    await scene.receives(contract.closed(ContractState.SETTLED))
    assert await scene.state(promise) == ("open", "0.00")
    await scene.receives(contract.paid("100.00"))
    assert await scene.state(promise) == ("kept", "100.00")


@pytest.mark.parametrize("how", ["reported", "revised"])
async def test_death_cancels_open_promises(scene: Scene, how: str) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    await scene.receives(contract.reported(DebtorStatus.INSOLVENT))
    assert await scene.state(promise) == ("open", "0.00")
    if how == "reported":
        await scene.receives(contract.reported(DebtorStatus.DECEASED))
    else:
        await scene.receives(contract.revised(status=DebtorStatus.DECEASED, status_version=2))
    assert (await scene.read_promise(promise))["cancellation_reason"] == "debtor_deceased"


async def test_a_dispute_leaves_a_promise_as_it_is(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract)
    await scene.receives(contract.disputed())
    assert await scene.state(promise) == ("open", "0.00")
    assert await scene.event_names() == ["PromiseMade"]
