"""Promises over HTTP: how they are made, listed, refused and cancelled."""

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
    PromiseMade,
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
    app = scene.client._transport.app  # type: ignore[attr-defined]
    page = ["GET /p/mine", "GET /p/page.css", "GET /p/{token:path}", "POST /p/act/{kind}", "POST /p/identity"]
    assert unguarded_routes(app) == page, "the debtor's page alone is open to everyone"
    promise = await scene.promise(await scene.registered())
    url = f"/v1/promises/{promise['promise_id']}"
    assert (await scene.client.get(url, headers={"Authorization": ""})).status_code == 401
    reader = {"Authorization": f"Bearer {mint(scopes=['promises:read'])}"}
    assert (await scene.client.get(url, headers=reader)).status_code == 200
    refused = await scene.client.post(f"{url}/cancellation", json={"reason": "x"}, headers=reader)
    assert (refused.status_code, code_of(refused)) == (403, "missing-scope")


def test_the_scene_starts_on_a_business_date() -> None:
    assert isinstance(DAY, date)
