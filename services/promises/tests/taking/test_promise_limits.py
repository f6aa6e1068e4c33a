"""The day on which a promise is made, and the portfolio's limits of promises."""

import asyncio
import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest
from promise_scene import DAY, Scene, code_of, day, pointers
from recobro_events.contracts.portfolio import DebtorStatus
from test_promise_interleavings import LOCK_WAITS, applied, written


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, code_of(answer)


# --- made_on


async def test_a_promise_taken_before_the_business_date_is_kept_by_a_payment_of_that_day(scene: Scene) -> None:
    """The business date is the 30th already when the promise is taken on the 28th and paid on the 28th."""
    scene.today(5)
    await scene.move_business_date(7)
    contract = await scene.registered(as_of=day(7))
    promise = await scene.promise(contract, due=7)
    assert promise["made_on"] == str(day(5))
    await scene.receives(contract.paid("100.00", paid_on=day(5)))
    assert await scene.state(promise) == ("kept", "100.00")
    await scene.move_business_date(30)
    assert await scene.state(promise) == ("kept", "100.00")


async def test_the_instalments_of_a_plan_are_made_on_the_same_day(scene: Scene) -> None:
    scene.today(5)
    await scene.move_business_date(7)
    contract = await scene.registered(as_of=day(7))
    plan = await scene.plan(contract, (7, "100.00"), (20, "100.00"))
    assert plan["made_on"] == str(day(5))
    await scene.receives(contract.paid("200.00", paid_on=day(5)))
    assert await scene.plan_states(plan) == ("fulfilled", ["kept", "kept"])


async def test_the_day_on_which_a_promise_was_made_stays_when_time_goes_on(scene: Scene) -> None:
    scene.today(-2)
    promise = await scene.promise(await scene.registered())
    scene.today(3)
    await scene.move_business_date(3)
    assert (await scene.read_promise(promise))["made_on"] == str(day(-2))


async def test_today_is_the_date_in_the_time_zone_of_the_portfolio(scene: Scene) -> None:
    scene.today(-1)
    scene.now = scene.now.replace(hour=5)  # 23:00 of the day before in Mexico
    assert (await scene.promise(await scene.registered()))["made_on"] == str(day(-2))


async def test_a_promise_may_be_due_on_each_day_from_today_on_that_does_not_break_it_at_once(scene: Scene) -> None:
    scene.today(-2)
    contract = await scene.registered()
    assert refusal(await scene.request_promise(contract, due=-3)) == (422, "invalid")
    assert (await scene.promise(contract, due=-2))["state"] == "open"
    scene.today(-9)
    assert refusal(await scene.request_promise(contract, due=-3)) == (422, "invalid"), "it would be broken on DAY"


# --- limits


@pytest.mark.parametrize(
    ("amount", "overdue", "status"), [("99.99", 1000, 422), ("100.00", 1000, 201), ("0.01", 0.01, 201)]
)
async def test_a_promise_is_a_share_of_the_overdue_balance(
    scene: Scene, amount: str, overdue: float, status: int
) -> None:
    await scene.limit()
    answer = await scene.request_promise(await scene.registered(overdue=Decimal(str(overdue))), amount)
    assert answer.status_code == status
    if status == 422:
        assert (code_of(answer), pointers(answer)) == ("promise-too-small", ["/amount"])
        assert answer.json()["errors"][0]["detail"] == "must be 100.00 or more"


async def test_all_that_is_left_to_promise_may_be_less_than_the_share(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered()
    await scene.promise(contract, "950.00")
    assert refusal(await scene.request_promise(contract, "49.99", due=6)) == (422, "promise-too-small")
    await scene.promise(contract, "50.00", due=6)


async def test_a_share_of_cents_is_rounded_up(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered(overdue=Decimal("1000.01"))
    assert refusal(await scene.request_promise(contract, "100.00")) == (422, "promise-too-small")
    await scene.promise(contract, "100.01")


async def test_a_plan_is_measured_as_a_whole(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered()
    answer = await scene.request_plan(contract, (5, "50.00"), (9, "49.99"))
    assert (refusal(answer), pointers(answer)) == ((422, "promise-too-small"), ["/instalments"])
    await scene.plan(contract, (5, "50.00"), (9, "50.00"))


async def test_a_promise_is_due_at_most_30_days_ahead(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered()
    answer = await scene.request_promise(contract, due=31)
    assert (refusal(answer), pointers(answer)) == ((422, "promise-too-far"), ["/due_on"])
    assert answer.json()["errors"][0]["detail"] == f"must lie between {DAY} and {day(30)}"
    await scene.promise(contract, due=30)


async def test_open_promises_together_are_not_above_the_balance(scene: Scene) -> None:
    contract = await scene.registered()
    first = await scene.promise(contract, "600.00")
    assert refusal(await scene.request_promise(contract, "400.01", due=6)) == (409, "promises-exceed-balance")
    plan = await scene.request_plan(contract, (6, "200.00"), (7, "200.01"))
    assert refusal(plan) == (409, "promises-exceed-balance")
    await scene.promise(contract, "400.00", due=6)
    await scene.receives(contract.paid("500.00", paid_on=day(1)))
    assert await scene.state(first) == ("open", "500.00")
    assert refusal(await scene.request_promise(contract, "0.01", due=7)) == (409, "promises-exceed-balance")
    await scene.client.post(f"/v1/promises/{first['promise_id']}/cancellation", json={"reason": "misheard"})
    await scene.promise(contract, "100.00", due=7)


async def test_after_two_broken_promises_of_an_episode_no_further_one_is_taken(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered()
    broken = [await scene.promise(contract, "100.00", due=due) for due in (1, 2)]
    kept = await scene.promise(contract, "100.00", due=9)
    await scene.move_business_date(5)
    for answer in (
        await scene.request_promise(contract, "200.00", due=8),
        await scene.request_plan(contract, (8, "200.00"), (10, "200.00")),
    ):
        assert refusal(answer) == (409, "too-many-broken")
    assert (await scene.state(kept))[0] == "open"

    await scene.receives(contract.paid("100.00", paid_on=day(1)))
    assert [(await scene.state(promise))[0] for promise in broken] == ["kept", "broken"]
    await scene.promise(contract, "200.00", due=8)


async def test_a_new_episode_of_arrears_forgets_broken_promises_unless_a_reversal_takes_it_back(scene: Scene) -> None:
    await scene.limit()
    contract = await scene.registered(episode=4)
    for due in (1, 2):
        await scene.promise(contract, "100.00", due=due)
    await scene.move_business_date(9)
    contract.change(as_of=day(9))
    cure = contract.paid("1000.00")
    await scene.receives(cure, contract.revised(overdue=Decimal(700), episode=5))
    await scene.promise(contract, "700.00", due=12)
    contract.change(episode=4)
    await scene.receives(contract.payment_reversed(cure))
    assert refusal(await scene.request_promise(contract, "170.00", due=13)) == (409, "too-many-broken")


async def test_a_contract_that_is_not_behind_any_more_has_no_broken_promises(scene: Scene) -> None:
    """The episode has ended, and the next one has not begun: 500.00 are owed that are not due yet."""
    await scene.limit()
    contract = await scene.registered()
    for due in (1, 2):
        await scene.promise(contract, "100.00", due=due)
    await scene.move_business_date(9)
    cured = contract.revised(overdue=Decimal(500), as_of=day(9))
    await scene.receives(cured.model_copy(update={"overdue_balance": Decimal(0)}))
    await scene.promise(contract, "10.00", due=12)


async def test_a_broken_plan_counts_as_one_broken_promise(scene: Scene) -> None:
    await scene.limit(max_broken_per_episode=2)
    contract = await scene.registered()
    await scene.plan(contract, (1, "100.00"), (20, "100.00"), (40, "100.00"))
    await scene.receives(contract.paid("50.00", paid_on=day(1)))
    await scene.move_business_date(5)
    await scene.promise(contract, "100.00", due=6)
    await scene.move_business_date(9)
    assert refusal(await scene.request_promise(contract, "100.00", due=12)) == (409, "too-many-broken")


@pytest.mark.parametrize(
    ("limits", "amount", "due", "expected"),
    [
        ({"min_share_percent": Decimal(50)}, "499.99", 5, (422, "promise-too-small")),
        ({"max_days_ahead": 7}, "500.00", 8, (422, "promise-too-far")),
        ({"max_broken_per_episode": 0}, "500.00", 5, (409, "too-many-broken")),
    ],
)
async def test_the_limits_are_those_of_the_portfolio(
    scene: Scene, limits: dict[str, Any], amount: str, due: int, expected: tuple[int, str]
) -> None:
    contract = await scene.registered()
    await scene.limit(**limits)
    assert refusal(await scene.request_promise(contract, amount, due)) == expected
    assert await scene.rows("SELECT FROM promise") == []


async def test_no_promise_on_a_disputed_contract_until_the_dispute_ends(scene: Scene) -> None:
    contract = await scene.registered()
    dispute = contract.disputed()
    await scene.receives(dispute)
    answer = await scene.request_promise(contract)
    assert (refusal(answer), answer.json()["reason"]) == ((409, "clarification"), "clarification")
    assert refusal(await scene.request_plan(contract, (5, "100.00"), (6, "100.00"))) == (409, "clarification")
    await scene.receives(contract.resolved(dispute.clarification_id))
    await scene.promise(contract)


async def test_a_dispute_that_a_republished_contract_lists_counts_too(scene: Scene) -> None:
    contract = scene.contract(disputes=[uuid.uuid4()])
    await scene.receives(contract.registered())
    assert refusal(await scene.request_promise(contract)) == (409, "clarification")


@pytest.mark.parametrize(
    ("status", "code"), [(DebtorStatus.REPRESENTED, "represented"), (DebtorStatus.DECEASED, "debtor-deceased")]
)
async def test_no_promise_of_a_represented_or_deceased_debtor(scene: Scene, status: DebtorStatus, code: str) -> None:
    contract = await scene.registered()
    await scene.receives(contract.reported(status))
    answer = await scene.request_promise(contract)
    assert (refusal(answer), answer.json()["reason"]) == ((409, code), code.replace("-", "_"))


async def test_an_agency_learns_no_balance_from_a_refusal(scene: Scene) -> None:
    await scene.limit()
    contract, agency_id = await scene.registered(overdue=Decimal("1234.00")), uuid.uuid4()
    await scene.placed(contract, agency_id)
    await scene.promise(contract, "1000.00")
    for amount, code in (("1.00", "promise-too-small"), ("500.00", "promises-exceed-balance")):
        theirs = await scene.request_promise(contract, amount, due=6, headers=scene.agency(agency_id))
        ours = await scene.request_promise(contract, amount, due=6)
        assert code_of(theirs) == code_of(ours) == code
        assert not any(figure in theirs.text for figure in ("1234", "1000", "234", "123.40"))
        assert "234" in ours.text or "123.40" in ours.text


# --- at the same moment


async def test_a_promise_waits_for_another_one_that_is_being_made_and_counts_it(scene: Scene) -> None:
    contract = await scene.registered(overdue=Decimal(150))
    async with written(scene, contract, due=5):
        request = asyncio.create_task(scene.request_promise(contract, "50.01", due=6))
        await scene.blocked(LOCK_WAITS)
        assert not request.done()
    assert refusal(await request) == (409, "promises-exceed-balance")


async def test_a_promise_waits_for_a_payment_that_frees_what_was_promised(scene: Scene) -> None:
    """100.00 of 150.00 are promised. A payment of 40.00 lowers balance and open promise alike."""
    contract = await scene.registered(overdue=Decimal(150))
    await scene.promise(contract, "100.00")
    async with applied(scene, contract.paid("40.00", paid_on=day(1))):
        requests = [
            asyncio.create_task(scene.request_promise(contract, amount, due=6)) for amount in ("50.01", "50.00")
        ]
        await scene.blocked(LOCK_WAITS)
    assert sorted([(await request).status_code for request in requests]) == [201, 409]


async def test_a_promise_waits_for_a_dispute_that_is_being_applied(scene: Scene) -> None:
    contract = await scene.registered()
    async with applied(scene, contract.disputed()):
        request = asyncio.create_task(scene.request_promise(contract))
        await scene.blocked(LOCK_WAITS)
    assert refusal(await request) == (409, "clarification")


async def test_of_promises_at_once_those_are_taken_that_the_balance_bears(scene: Scene) -> None:
    contract = await scene.registered()
    answers = await asyncio.gather(*(scene.request_promise(contract, "300.00", due=due) for due in range(3, 9)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]
