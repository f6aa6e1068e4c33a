"""Plans: several promises that are kept or broken as a whole."""

import itertools
import random
import uuid
from decimal import Decimal
from typing import Any

import pytest
from promise_scene import DAY, Json, Scene, code_of, day, pointers
from promises.outcomes import deciding
from recobro_events import Event
from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementFulfilled,
    AgreementReached,
    AgreementReopened,
    PromiseCancelled,
    PromiseMade,
)

THREE = ((5, "100.00"), (20, "100.00"), (35, "100.00"))


async def test_a_plan_is_reached_published_and_read(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    assert plan == plan | {
        "contract_id": str(contract.contract_id),
        "kind": "plan",
        "state": "open",
        "total": "300.00",
        "currency": "MXN",
        "settles_in_full": False,
        "made_on": str(DAY),
        "made_in": "call",
    }
    assert [(i["due_on"], i["amount"], i["state"]) for i in plan["instalments"]] == [
        (str(day(due)), amount, "open") for due, amount in THREE
    ]
    read = await scene.client.get(f"/v1/agreements/{plan['agreement_id']}")
    assert read.json() == plan
    listed = await scene.client.get("/v1/agreements", params={"contract_id": str(contract.contract_id)})
    assert listed.json() == {"items": [plan], "next_cursor": None}

    assert await scene.event_names() == ["PromiseMade"] * 3 + ["AgreementReached"]
    [reached] = await scene.published(AgreementReached)
    assert [(str(part.promise_id), part.due_on, part.amount) for part in reached.schedule] == [
        (i["promise_id"], day(due), Decimal(100)) for i, (due, _) in zip(plan["instalments"], THREE, strict=True)
    ]
    made = await scene.published(PromiseMade)
    assert {str(event.agreement_id) for event in made} == {plan["agreement_id"]}
    assert [event.due_on for event in made] == [day(due) for due, _ in THREE]


async def test_a_plan_over_all_that_is_owed_settles_in_full(scene: Scene) -> None:
    plan = await scene.plan(await scene.registered(), (5, "400.00"), (20, "600.00"))
    assert plan["settles_in_full"]
    [reached] = await scene.published(AgreementReached)
    assert reached.settles_in_full


async def test_plans_are_listed_in_pages(scene: Scene) -> None:
    plans = [await scene.plan(await scene.registered(), *THREE) for _ in range(3)]
    first = (await scene.client.get("/v1/agreements", params={"limit": 2})).json()
    rest = (await scene.client.get("/v1/agreements", params={"cursor": first["next_cursor"]})).json()
    assert first["items"] + rest["items"] == plans
    assert rest["next_cursor"] is None


async def test_plans_are_listed_by_state_and_the_newest_first_where_asked(scene: Scene) -> None:
    contracts = [await scene.registered() for _ in range(3)]
    plans = [(await scene.plan(contract, *THREE))["agreement_id"] for contract in contracts]
    await scene.receives(contracts[1].paid("300.00"))

    async def listed(**query: Any) -> list[str]:
        page = (await scene.client.get("/v1/agreements", params=query)).json()
        return [plan["agreement_id"] for plan in page["items"]]

    assert await listed(state="open") == [plans[0], plans[2]]
    assert await listed(state="open", order="desc") == [plans[2], plans[0]]
    assert await listed(state="fulfilled") == [plans[1]]
    assert await listed(state="broken") == []
    assert (await scene.client.get("/v1/agreements", params={"state": "lost"})).status_code == 422


MANY = [{"due_on": str(day(n)), "amount": "1.00"} for n in range(61)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"instalments": MANY[:1]}, "/instalments"),
        ({"instalments": MANY}, "/instalments"),
        ({"instalments": []}, "/instalments"),
        ({"instalments": [MANY[3], MANY[3]]}, "/instalments"),
        ({"instalments": [MANY[3], MANY[2]]}, "/instalments"),
        ({"instalments": [MANY[3], {"due_on": str(day(9)), "amount": "999.01"}]}, "/instalments"),
        ({"instalments": [{"due_on": str(day(-1)), "amount": "1.00"}, MANY[3]]}, "/instalments/0/due_on"),
        ({"instalments": [MANY[3], {"due_on": str(day(9)), "amount": "0"}]}, "/instalments/1/amount"),
        ({"instalments": [MANY[3], {**MANY[4], "x": 1}]}, "/instalments/1/x"),
        ({"kind": "gift"}, "/kind"),
        ({"discount": "1.00"}, ""),
        ({"made_in": "agency"}, "/agency_id"),
    ],
)
async def test_a_bad_plan_is_refused_and_changes_nothing(scene: Scene, change: Json, pointer: str) -> None:
    contract = await scene.registered()
    answer = await scene.request_plan(contract, *THREE, **change)
    assert (answer.status_code, code_of(answer), pointers(answer)) == (422, "invalid", [pointer])
    assert await scene.rows("SELECT FROM agreement") == []
    assert await scene.event_names() == []


async def test_a_plan_may_have_sixty_instalments(scene: Scene) -> None:
    plan = await scene.plan(await scene.registered(), *((n, "1.00") for n in range(60)))
    assert len(plan["instalments"]) == 60


async def test_a_contract_has_one_open_plan(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.plan(contract, *THREE)
    answer = await scene.request_plan(contract, (6, "10.00"), (7, "10.00"))
    assert (answer.status_code, code_of(answer)) == (409, "plan-open")


async def test_an_instalment_and_a_promise_fall_due_on_different_days(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.promise(contract, due=20)
    answer = await scene.request_plan(contract, *THREE)
    assert (answer.status_code, code_of(answer)) == (409, "promise-open")
    assert await scene.rows("SELECT FROM agreement") == []


@pytest.mark.parametrize("state", [ContractState.SETTLED, ContractState.RETURNED])
async def test_a_plan_on_a_closed_contract_is_refused(scene: Scene, state: ContractState) -> None:
    answer = await scene.request_plan(await scene.registered(state=state), *THREE)
    assert (answer.status_code, code_of(answer)) == (409, "contract-closed")


async def test_a_plan_is_fulfilled_when_every_instalment_is_kept(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    await scene.receives(contract.paid("150.00", paid_on=day(1)))
    assert await scene.plan_states(plan) == ("open", ["kept", "open", "open"])
    await scene.receives(contract.paid("150.00", paid_on=day(2)))
    assert await scene.plan_states(plan) == ("fulfilled", ["kept", "kept", "kept"])
    assert (await scene.event_names())[4:] == ["PromiseKept"] * 3 + ["AgreementFulfilled"]
    [fulfilled] = await scene.published(AgreementFulfilled)
    assert fulfilled.version == 2


@pytest.mark.parametrize(("paid", "lost"), [(None, "broken"), ("40.00", "partly_kept")])
async def test_a_lost_instalment_breaks_the_plan(scene: Scene, paid: str | None, lost: str) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    if paid:
        await scene.receives(contract.paid(paid, paid_on=day(1)))
    await scene.move_business_date(8)
    assert await scene.plan_states(plan) == ("broken", [lost, "cancelled", "cancelled"])
    first = "PromisePartlyKept" if paid else "PromiseBroken"
    assert (await scene.event_names())[4:] == [first, "PromiseCancelled", "PromiseCancelled", "AgreementBroken"]
    assert {event.reason for event in await scene.published(PromiseCancelled)} == {"plan_broken"}
    await scene.plan(contract, (30, "100.00"), (60, "100.00"))


async def test_a_plan_may_be_due_366_days_ahead_whatever_the_limit_of_promises(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered()
    answer = await scene.request_plan(contract, (5, "100.00"), (367, "100.00"))
    assert (answer.status_code, code_of(answer)) == (422, "promise-too-far")
    assert pointers(answer) == ["/instalments/1/due_on"]
    await scene.plan(contract, (5, "100.00"), (366, "100.00"))


async def test_a_broken_plan_lives_again_when_a_payment_in_time_is_heard_of_late(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    await scene.move_business_date(8)
    late = contract.paid("100.00", paid_on=day(6))
    await scene.receives(late)
    assert await scene.plan_states(plan) == ("open", ["kept", "open", "open"])
    names = await scene.event_names()
    assert names[-4:] == ["PromiseKept", "PromiseReopened", "PromiseReopened", "AgreementReopened"]
    [reopened] = await scene.published(AgreementReopened)
    assert (str(reopened.agreement_id), reopened.version) == (plan["agreement_id"], 3)
    again = [await scene.read_promise(instalment) for instalment in plan["instalments"]]
    assert [promise["cancellation_reason"] for promise in again] == [None] * 3

    await scene.receives(contract.payment_reversed(late))
    assert await scene.plan_states(plan) == ("broken", ["broken", "cancelled", "cancelled"])
    await scene.receives(contract.paid("300.00", paid_on=day(7)))
    assert await scene.plan_states(plan) == ("fulfilled", ["kept"] * 3)


async def test_a_part_heard_of_late_leaves_a_plan_broken(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    await scene.move_business_date(8)
    await scene.receives(contract.paid("99.99", paid_on=day(6)))
    assert await scene.plan_states(plan) == ("broken", ["partly_kept", "cancelled", "cancelled"])
    assert await scene.published(AgreementReopened) == []


async def test_a_plan_that_was_replaced_by_another_stays_broken(scene: Scene) -> None:
    contract = await scene.registered()
    old = await scene.plan(contract, *THREE)
    await scene.move_business_date(8)
    new = await scene.plan(contract, (30, "100.00"), (60, "100.00"))
    await scene.receives(contract.paid("100.00", paid_on=day(6)))
    assert await scene.plan_states(old) == ("broken", ["kept", "cancelled", "cancelled"])
    assert await scene.plan_states(new) == ("open", ["open", "open"])


async def test_a_cancelled_plan_never_lives_again(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    await scene.client.post(f"/v1/agreements/{plan['agreement_id']}/cancellation", json={"reason": "new terms"})
    await scene.receives(contract.paid("300.00", paid_on=day(1)))
    assert await scene.plan_states(plan) == ("cancelled", ["cancelled"] * 3)


async def test_a_plan_ends_the_same_in_every_order_of_events(scene: Scene) -> None:
    """Two payments, the reversal of the first, and two days: as if the reversed payment had never been."""
    for order in random.Random(17).sample(list(itertools.permutations(range(5))), 40):
        portfolio_id = uuid.uuid4()
        await scene.receives(scene.business_date(0, portfolio_id))
        contract = await scene.registered(portfolio_id=portfolio_id)
        plan = await scene.plan(contract, *THREE)
        bounced = contract.paid("100.00", paid_on=day(4))
        other = contract.paid("100.00", paid_on=day(18))
        facts: list[Event] = [bounced, other, contract.payment_reversed(bounced)]
        facts += [scene.business_date(8, portfolio_id), scene.business_date(24, portfolio_id)]
        for n in order:
            await scene.receives(facts[n])
            await deciding.decide(scene.database)
        assert await scene.plan_states(plan) == ("broken", ["broken", "cancelled", "cancelled"]), order


async def test_a_fulfilled_plan_opens_again_and_may_be_fulfilled_again(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    payment = contract.paid("200.00", paid_on=day(1))
    await scene.receives(contract.paid("100.00", paid_on=day(1)), payment)
    assert await scene.plan_states(plan) == ("fulfilled", ["kept"] * 3)
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.plan_states(plan) == ("open", ["kept", "open", "open"])
    await scene.receives(contract.paid("200.00", paid_on=day(1)))
    assert await scene.plan_states(plan) == ("fulfilled", ["kept"] * 3)
    assert [event.version for event in await scene.published(AgreementFulfilled)] == [2, 4]
    assert [event.version for event in await scene.published(AgreementReopened)] == [3]


async def test_a_reversal_breaks_a_fulfilled_plan_whose_time_is_over(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    payment = contract.paid("300.00", paid_on=day(1))
    await scene.receives(payment)
    await scene.move_business_date(23)
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.plan_states(plan) == ("broken", ["broken", "cancelled", "cancelled"])


async def test_a_plan_is_cancelled_once_with_its_open_instalments(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, *THREE)
    await scene.receives(contract.paid("100.00", paid_on=day(1)))
    path = f"/v1/agreements/{plan['agreement_id']}/cancellation"
    answer = await scene.client.post(path, json={"reason": "new terms"})
    assert (answer.status_code, answer.json()["state"], answer.json()["cancellation_reason"]) == (
        201,
        "cancelled",
        "new terms",
    )
    assert await scene.plan_states(plan) == ("cancelled", ["kept", "cancelled", "cancelled"])
    assert {event.reason for event in await scene.published(PromiseCancelled)} == {"plan_cancelled"}
    again = await scene.client.post(path, json={"reason": "new terms"})
    assert (again.status_code, code_of(again)) == (409, "agreement-not-open")
    await scene.plan(contract, *THREE)


async def test_an_instalment_cannot_be_cancelled_alone(scene: Scene) -> None:
    plan = await scene.plan(await scene.registered(), *THREE)
    [first, *_] = plan["instalments"]
    answer = await scene.client.post(f"/v1/promises/{first['promise_id']}/cancellation", json={"reason": "x"})
    assert (answer.status_code, code_of(answer)) == (409, "instalment-of-plan")
    assert await scene.plan_states(plan) == ("open", ["open"] * 3)


async def test_closing_the_contract_or_death_cancels_the_plan(scene: Scene) -> None:
    returned, dead = await scene.registered(), await scene.registered()
    plans = [await scene.plan(returned, *THREE), await scene.plan(dead, *THREE)]
    await scene.receives(returned.closed(ContractState.RETURNED), dead.reported(DebtorStatus.DECEASED))
    for plan, reason in zip(plans, ["contract_closed", "debtor_deceased"], strict=True):
        now = (await scene.client.get(f"/v1/agreements/{plan['agreement_id']}")).json()
        assert (now["state"], now["cancellation_reason"]) == ("cancelled", reason)
        assert {instalment["state"] for instalment in now["instalments"]} == {"cancelled"}
    assert await scene.published(AgreementBroken) == []


async def test_payments_count_for_instalments_and_promises_by_due_day(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, due=10)
    plan = await scene.plan(contract, *THREE)
    await scene.receives(contract.paid("150.00", paid_on=day(1)))
    assert await scene.state(promise) == ("open", "50.00")
    assert await scene.plan_states(plan) == ("open", ["kept", "open", "open"])
