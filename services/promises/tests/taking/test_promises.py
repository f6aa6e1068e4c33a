"""Promises over HTTP, and how payments and business dates decide them."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from chassis.testing import facts_during_lag, mint, unguarded_routes
from fastapi import FastAPI
from promise_scene import DAY, Json, Scene, code_of, day, pointers
from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import (
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)


async def test_a_promise_is_made_published_and_read(scene: Scene) -> None:
    contract = await scene.registered()
    answer = await scene.request_promise(contract, "250.5", due=5, made_in="visit")
    assert answer.status_code == 201, answer.text
    promise = answer.json()
    assert promise == promise | {
        "contract_id": str(contract.contract_id),
        "state": "open",
        "version": 1,
        "amount": "250.50",
        "paid": "0.00",
        "currency": "MXN",
        "made_on": str(DAY),
        "made_in": "visit",
        "due_on": str(day(5)),
        "silent_until": str(day(7)),
        "agency_id": None,
        "agreement_id": None,
    }
    assert await scene.read_promise(promise) == promise
    [made] = await scene.published(PromiseMade)
    assert (str(made.promise_id), made.version, made.promised, made.paid) == (
        promise["promise_id"],
        1,
        Decimal("250.50"),
        Decimal(0),
    )
    assert (made.made_on, made.due_on, made.silent_until, made.made_in) == (DAY, day(5), day(7), "visit")
    assert made.contract_id == contract.contract_id


async def test_promises_are_listed_by_contract_and_state_in_pages(scene: Scene) -> None:
    one, two = await scene.registered(), await scene.registered()
    mine = [await scene.promise(one, due=due) for due in (5, 3, 9)]
    await scene.promise(two)
    await scene.receives(one.paid("100.00"))

    async def listed(**query: Any) -> tuple[list[str], str | None]:
        page = (await scene.client.get("/v1/promises", params=query)).json()
        return [item["promise_id"] for item in page["items"]], page["next_cursor"]

    ids = [promise["promise_id"] for promise in mine]
    assert await listed(contract_id=str(one.contract_id)) == (ids, None)
    assert await listed(contract_id=str(one.contract_id), state="kept") == ([ids[1]], None)
    assert await listed(state="broken") == ([], None)
    first, cursor = await listed(contract_id=str(one.contract_id), limit=2)
    assert first == ids[:2]
    assert await listed(contract_id=str(one.contract_id), limit=2, cursor=cursor) == (ids[2:], None)
    assert len((await listed())[0]) == 4


async def test_promises_are_listed_by_due_day_and_the_newest_first_where_asked(scene: Scene) -> None:
    contract, other = await scene.registered(), await scene.registered()
    made = [await scene.promise(one, due=due) for one, due in ((contract, 9), (other, 4), (contract, 5), (other, 7))]
    await scene.receives(other.paid("100.00"))

    async def due_days(**query: Any) -> list[str]:
        page = (await scene.client.get("/v1/promises", params=query)).json()
        return [promise["due_on"] for promise in page["items"]]

    days = [promise["due_on"] for promise in made]
    assert await due_days() == days
    assert await due_days(order="desc") == days[::-1]
    assert await due_days(due_from=str(day(5)), due_to=str(day(7))) == [str(day(5)), str(day(7))]
    assert await due_days(due_to=str(day(7)), state="open") == [str(day(5)), str(day(7))]
    assert await due_days(due_from=str(day(7)), contract_id=str(contract.contract_id)) == [str(day(9))]
    first = (await scene.client.get("/v1/promises", params={"order": "desc", "limit": 3})).json()
    rest = await due_days(order="desc", cursor=first["next_cursor"])
    assert [promise["due_on"] for promise in first["items"]] + rest == days[::-1]
    wrong = await scene.client.get("/v1/promises", params={"cursor": first["next_cursor"]})
    assert (wrong.status_code, code_of(wrong)) == (422, "cursor-unknown")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": "0.00"}, "/amount"),
        ({"amount": "-5.00"}, "/amount"),
        ({"amount": "1000.01"}, "/amount"),
        ({"amount": "1e400"}, "/amount"),
        ({"amount": "NaN"}, "/amount"),
        ({"amount": 100}, "/amount"),
        ({"amount": "1.001"}, "/amount"),
        ({"amount": True}, "/amount"),
        ({"due_on": str(day(-1))}, "/due_on"),
        ({"due_on": "2026-02-31"}, "/due_on"),
        ({"due_on": "9999-12-31"}, "/due_on"),
        ({"due_on": 20261130}, "/due_on"),
        ({"made_in": "dream"}, "/made_in"),
        ({"made_in": "agency"}, "/agency_id"),
        ({"agency_id": "x\0"}, "/agency_id"),
        ({"contract_id": "no"}, "/contract_id"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_a_bad_promise_is_refused_and_changes_nothing(scene: Scene, change: Json, pointer: str) -> None:
    contract = await scene.registered()
    answer = (
        await scene.request_promise(contract, **change)
        if "amount" not in change
        else await _post_promise(scene, contract, change)
    )
    assert (answer.status_code, code_of(answer), pointers(answer)) == (422, "invalid", [pointer])
    assert await scene.rows("SELECT FROM promise") == []
    assert await scene.event_names() == []


async def _post_promise(scene: Scene, contract: Any, change: Json) -> Any:
    body = {"contract_id": str(contract.contract_id), "due_on": str(day(5)), "made_in": "call"}
    return await scene.client.post("/v1/promises", json=body | change)


@pytest.mark.parametrize("due", [0, 366])
async def test_a_promise_may_be_due_on_the_first_and_on_the_last_day(scene: Scene, due: int) -> None:
    await scene.promise(await scene.registered(), "1000.00", due)


async def test_a_promise_on_an_unknown_contract_is_not_found(scene: Scene) -> None:
    answer = await scene.request_promise(scene.contract())
    assert (answer.status_code, code_of(answer)) == (404, "contract-unknown")


async def test_a_promise_waits_for_its_contract_without_a_connection(scene: Scene, app: FastAPI) -> None:
    contract = scene.contract()
    with facts_during_lag(app, lambda: scene.receives(contract.registered())):
        await scene.promise(contract)


async def test_a_contract_known_only_by_a_payment_is_not_found(scene: Scene) -> None:
    contract = scene.contract()
    await scene.receives(contract.paid("10.00"))
    answer = await scene.request_promise(contract)
    assert (answer.status_code, code_of(answer)) == (404, "contract-unknown")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": ContractState.SETTLED, "overdue": Decimal(0)}, "contract-closed"),
        ({"state": ContractState.RETURNED}, "contract-closed"),
        ({"state": ContractState.WITHDRAWN}, "contract-closed"),
        ({"overdue": Decimal(0)}, "nothing-owed"),
        ({"status": DebtorStatus.DECEASED, "status_version": 1}, "debtor-deceased"),
    ],
)
async def test_no_promise_on_a_closed_or_paid_contract_or_of_a_deceased_debtor(
    scene: Scene, changes: Json, code: str
) -> None:
    answer = await scene.request_promise(await scene.registered(**changes))
    assert (answer.status_code, code_of(answer)) == (409, code)
    of_contact = code != "nothing-owed"
    assert answer.json().get("reason") == (code.replace("-", "_") if of_contact else None)


async def test_a_contract_takes_promises_by_the_status_of_the_person_to_whom_a_file_gave_it(scene: Scene) -> None:
    contract = await scene.registered(status=DebtorStatus.UNLOCATABLE, status_version=3)
    await scene.receives(contract.revised(debtor_id=uuid.uuid4(), status=DebtorStatus.DECEASED, status_version=1))
    answer = await scene.request_promise(contract)
    assert (answer.status_code, code_of(answer)) == (409, "debtor-deceased")
    await scene.receives(contract.revised(debtor_id=uuid.uuid4(), status=DebtorStatus.ACTIVE, status_version=0))
    await scene.promise(contract, due=5)


async def test_two_open_promises_fall_due_on_different_days(scene: Scene) -> None:
    contract = await scene.registered()
    first = await scene.promise(contract, due=5)
    answer = await scene.request_promise(contract, due=5)
    assert (answer.status_code, code_of(answer)) == (409, "promise-open")
    await scene.promise(contract, due=6)
    await scene.receives(contract.paid("100.00"))
    assert await scene.state(first) == ("kept", "100.00")
    await scene.promise(contract, due=5)


async def test_a_promise_is_made_on_a_business_date_behind_today(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.move_business_date(40)
    assert (await scene.promise(contract, due=41))["made_on"] == str(day(40))
    answer = await scene.request_promise(contract, due=39)
    assert pointers(answer) == ["/due_on"]


async def test_a_contract_ahead_of_its_portfolio_uses_its_own_date(scene: Scene) -> None:
    """Positions are published while the portfolio is still being staged."""
    contract = await scene.registered(as_of=day(3))
    assert (await scene.promise(contract, due=4))["made_on"] == str(day(3))


async def test_an_idempotency_key_makes_one_promise(scene: Scene) -> None:
    contract = await scene.registered()
    headers = {"Idempotency-Key": "p-1"}
    first = await scene.request_promise(contract, headers=headers)
    again = await scene.request_promise(contract, headers=headers)
    assert first.json() == again.json()
    assert len(await scene.rows("SELECT FROM promise")) == 1


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


@pytest.mark.parametrize(
    "path", ["/v1/promises/{}", "/v1/agreements/{}", "/v1/promises/{}/cancellation", "/v1/agreements/{}/cancellation"]
)
async def test_an_unknown_promise_or_plan_is_not_found(scene: Scene, path: str) -> None:
    url = path.format(uuid.uuid4())
    answer = await (
        scene.client.post(url, json={"reason": "x"}) if url.endswith("cancellation") else scene.client.get(url)
    )
    assert answer.status_code == 404
    malformed = path.format("7")
    answer = await (
        scene.client.post(malformed, json={"reason": "x"})
        if malformed.endswith("cancellation")
        else scene.client.get(malformed)
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"contract_id": "7"},
        {"state": "lost"},
        {"limit": "0"},
        {"cursor": "WzFd"},
        {"cursor": "é"},
        {"due_from": "7"},
        {"due_to": "2026-02-31"},
        {"order": "up"},
    ],
)
async def test_a_bad_query_is_refused(scene: Scene, query: Json) -> None:
    assert (await scene.client.get("/v1/promises", params=query)).status_code == 422


@pytest.mark.parametrize("reason", [None, "", "a\u202eb", "x" * 1001, 5])
async def test_a_bad_reason_cancels_nothing(scene: Scene, reason: object) -> None:
    promise = await scene.promise(await scene.registered())
    answer = await scene.client.post(f"/v1/promises/{promise['promise_id']}/cancellation", json={"reason": reason})
    assert (answer.status_code, pointers(answer)) == (422, ["/reason"])
    assert await scene.state(promise) == ("open", "0.00")


async def test_every_route_is_guarded(scene: Scene) -> None:
    assert unguarded_routes(scene.client._transport.app) == []  # type: ignore[attr-defined]
    promise = await scene.promise(await scene.registered())
    url = f"/v1/promises/{promise['promise_id']}"
    assert (await scene.client.get(url, headers={"Authorization": ""})).status_code == 401
    reader = {"Authorization": f"Bearer {mint(scopes=['promises:read'])}"}
    assert (await scene.client.get(url, headers=reader)).status_code == 200
    refused = await scene.client.post(f"{url}/cancellation", json={"reason": "x"}, headers=reader)
    assert (refused.status_code, code_of(refused)) == (403, "missing-scope")


def test_the_scene_starts_on_a_business_date() -> None:
    assert isinstance(DAY, date)
