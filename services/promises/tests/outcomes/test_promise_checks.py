"""The promise check: promises are decided on a day that the request names, for good."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from promise_scene import DAY, Json, Scene, code_of, day, pointers
from promises.outcomes import deciding, watching
from promises.outcomes.judging import Causes, judge
from recobro_events import Database, Transaction
from recobro_events.contracts.portfolio import Stage
from recobro_events.contracts.promises import PromiseState

NOTHING = {"kept": 0, "partly_kept": 0, "broken": 0}


async def test_a_check_decides_promises_whose_time_is_over_and_counts_them(scene: Scene) -> None:
    broken, partly, later = [await scene.registered() for _ in range(3)]
    promises = [await scene.promise(broken), await scene.promise(partly), await scene.promise(later, due=20)]
    await scene.receives(partly.paid("10.00", paid_on=day(2)))
    assert await scene.run_check(7) == NOTHING
    assert await scene.run_check(8) == {"kept": 0, "partly_kept": 1, "broken": 1}
    assert [(await scene.state(promise))[0] for promise in promises] == ["broken", "partly_kept", "open"]
    assert await scene.run_check(8) == NOTHING
    assert await scene.run_check(1) == NOTHING
    assert [(await scene.state(promise))[0] for promise in promises] == ["broken", "partly_kept", "open"]


async def test_a_check_decides_no_promise_that_a_business_date_has_decided(scene: Scene) -> None:
    await scene.promise(await scene.registered())
    await scene.move_business_date(8)
    assert await scene.run_check(8) == NOTHING
    assert (await scene.event_names()).count("PromiseBroken") == 1


async def test_a_checked_day_holds_when_older_days_arrive_later(scene: Scene) -> None:
    """A business date before the checked day reopens no broken promise. A reversal is judged on the checked day."""
    contract = await scene.registered()
    broken, kept = await scene.promise(contract, due=5), await scene.promise(contract, "50.00", due=6)
    await scene.run_check(9)
    assert await scene.run_check(1) == NOTHING
    await scene.move_business_date(3)
    await scene.receives(contract.staged(Stage.LATE))
    assert (await scene.state(broken))[0] == "broken"
    payment = contract.paid("150.00", paid_on=day(2))
    await scene.receives(payment)
    assert [(await scene.state(promise))[0] for promise in (broken, kept)] == ["kept", "kept"]
    await scene.receives(contract.payment_reversed(payment))
    assert [(await scene.state(promise))[0] for promise in (broken, kept)] == ["broken", "broken"]
    assert "PromiseReopened" not in await scene.event_names()


async def test_no_promise_can_be_due_before_the_checked_day(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.run_check(9)
    assert pointers(await scene.request_promise(contract, due=8)) == ["/due_on"]
    promise = await scene.promise(contract, due=9)
    assert promise["state"] == "open"


async def test_a_check_breaks_plans_too(scene: Scene) -> None:
    plan = await scene.plan(await scene.registered(), (5, "100.00"), (20, "100.00"))
    assert await scene.run_check(8) == {"kept": 0, "partly_kept": 0, "broken": 1}
    assert await scene.plan_states(plan) == ("broken", ["broken", "cancelled"])


async def test_a_check_decides_more_contracts_than_one_chunk_holds(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "CHUNK_CONTRACTS", 2)
    for _ in range(5):
        await scene.promise(await scene.registered())
    assert await scene.run_check(8) == {"kept": 0, "partly_kept": 0, "broken": 5}


async def test_a_contract_that_fails_stops_no_other_contract(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = [await scene.registered(number=f"C-{n}") for n in range(3)]
    promises = {contract.contract_id: await scene.promise(contract) for contract in contracts}
    first = min(promises)

    async def defective(tx: Transaction, causes: Causes) -> Counter[PromiseState]:
        if first in causes:
            raise ValueError("a defect")
        return await judge(tx, causes)

    monkeypatch.setattr(deciding, "judge", defective)
    with pytest.raises(ValueError, match="a defect") as raised:
        await deciding.check(scene.database, day(8))
    assert raised.value.__notes__ == [f"contract {first}"]
    states = {contract_id: (await scene.state(promise))[0] for contract_id, promise in promises.items()}
    assert states == dict.fromkeys(promises, "broken") | {first: "open"}

    monkeypatch.undo()
    assert await scene.run_check(8) == {"kept": 0, "partly_kept": 0, "broken": 1}


async def test_a_check_far_ahead_of_today_asks_first_and_names_portfolios_and_days(scene: Scene) -> None:
    """One typing error must not break the promises of all portfolios."""
    scene.today(0)
    promise = await scene.promise(await scene.registered())
    other = uuid.uuid4()
    await scene.receives(scene.business_date(0, other))
    answer = await scene.request_check(date(2062, 11, 28))
    assert (answer.status_code, code_of(answer)) == (409, "confirm-future")
    assert [(one["portfolio_id"], one["name"], one["today"]) for one in answer.json()["portfolios"]] == [
        (str(portfolio_id), "Cartera Norte", str(DAY)) for portfolio_id in sorted([scene.portfolio_id, other])
    ]
    assert answer.json()["detail"].count("Cartera Norte: 13,154 days after 2026-11-23") == 2
    assert await scene.state(promise) == ("open", "0.00")
    assert (await scene.promise(await scene.registered(), due=20))["made_on"] == str(DAY)

    assert await scene.run_check(8, confirm_future=True) == {"kept": 0, "partly_kept": 0, "broken": 1}
    assert await scene.run_check(8) == NOTHING, "a day that has been checked is no question any more"


async def test_a_check_of_tomorrow_asks_nothing_and_of_the_day_after_does(scene: Scene) -> None:
    """Today is the date in the portfolio's time zone."""
    await scene.registered()
    scene.now = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)  # 23:59 of the 23rd in Mexico
    assert (await scene.request_check(day(2))).status_code == 409
    assert (await scene.request_check(day(1))).status_code == 200
    scene.now += timedelta(minutes=1)
    assert (await scene.request_check(day(2))).status_code == 200


async def test_a_portfolio_ahead_of_the_checked_day_is_not_asked_about(scene: Scene) -> None:
    scene.today(0)
    await scene.move_business_date(5)
    assert await scene.run_check(5) == NOTHING


@pytest.mark.parametrize("body", [{}, {"as_of": "31/02/2026"}, {"as_of": None}, {"as_of": str(day(1)), "x": 1}])
async def test_a_bad_check_is_refused(scene: Scene, body: Json) -> None:
    promise = await scene.promise(await scene.registered())
    assert (await scene.client.post("/v1/promise-checks", json=body)).status_code == 422
    assert await scene.state(promise) == ("open", "0.00")


@pytest.mark.usefixtures("watch")
async def test_the_watch_decides_promises_without_a_request(scene: Scene) -> None:
    promise = await scene.promise(await scene.registered())
    await scene.receives(scene.business_date(8))
    await scene.until("SELECT state = 'broken' FROM promise")
    assert await scene.state(promise) == ("broken", "0.00")


@pytest.mark.usefixtures("watch")
async def test_the_watch_continues_after_errors(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.promise(await scene.registered())
    decide, troubles = deciding.decide, [TimeoutError(), ValueError("a defect")]

    async def troubled(database: Database) -> Counter[PromiseState]:
        if troubles:
            raise troubles.pop()
        return await decide(database)

    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(deciding, "decide", troubled)
    await scene.receives(scene.business_date(8))
    await scene.until("SELECT state = 'broken' FROM promise")
    assert troubles == []
