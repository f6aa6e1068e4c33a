"""Visits are ordered to an authorised address, on a possible day, and never while the contract is silenced."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from chassis.testing import facts_during_lag
from fastapi import FastAPI
from recobro_events.contracts.field_visits import VisitCancelled, VisitOrdered
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.testing import published
from visits_scene import DAY, Contract, Scene, a_placement, an_address


async def test_an_order_is_published_read_and_listed(scene: Scene) -> None:
    contract = await scene.known_contract()
    answer = await scene.order(contract)
    assert answer.status_code == 201
    visit = answer.json()
    assert visit["state"] == "ordered"
    assert visit["name"] == contract.name
    assert visit["address"]["street"] == "Avenida Insurgentes Sur"
    assert await scene.visit(visit["visit_id"]) == visit
    assert (await scene.get("/v1/visits")).json() == {"items": [visit], "next_cursor": None}
    [event] = await published(scene.database, VisitOrdered)
    assert (event.contract_id, str(event.visit_id)) == (contract.contract_id, visit["visit_id"])
    assert (event.visitor, event.visit_on, event.agency_id) == ("Óscar Peña", DAY, None)
    assert event.address_id == contract.addresses[0].address_id


async def test_the_debtors_home_comes_first_among_authorised_addresses(scene: Scene) -> None:
    kinds = ("legal", "commercial", "fiscal", "personal")
    addresses = [an_address(kind=kind) for kind in kinds]
    contract = await scene.known_contract(addresses=addresses)
    assert (await scene.order(contract)).json()["address"]["kind"] == "personal"
    addresses[3] = an_address(kind="personal", authorised=False)
    await scene.receives(contract.revised())
    other = DAY + timedelta(days=1)
    assert (await scene.order(contract, other)).json()["address"]["kind"] == "fiscal"
    chosen = await scene.order(contract, DAY + timedelta(days=2), address_id=str(addresses[0].address_id))
    assert chosen.json()["address"]["kind"] == "legal"


async def test_unauthorised_and_unknown_addresses_are_refused(scene: Scene) -> None:
    closed, gone = an_address(kind="fiscal", authorised=False), an_address(kind="legal")
    contract = await scene.known_contract(addresses=[closed, gone])
    await scene.receives(contract.revised(addresses=[closed]))
    refused = await scene.order(contract)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recobro:problem:no-address")
    named = await scene.order(contract, address_id=str(closed.address_id))
    assert (named.status_code, named.json()["type"]) == (409, "urn:recobro:problem:no-address")
    for unknown in (uuid.uuid4(), gone.address_id):
        other = await scene.order(contract, address_id=str(unknown))
        assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/address_id")
    assert await published(scene.database, VisitOrdered) == []


@pytest.mark.parametrize(("days", "status"), [(-1, 422), (0, 201), (60, 201), (61, 422)])
async def test_a_visit_is_ordered_up_to_60_days_after_the_business_date(scene: Scene, days: int, status: int) -> None:
    contract = await scene.known_contract()
    later = DAY + timedelta(days=100)
    await scene.receives(scene.portfolio_state(business_date=later))
    assert (await scene.order(contract, later + timedelta(days=days))).status_code == status


async def test_every_reason_for_silence_refuses_an_order_and_names_the_reason(scene: Scene) -> None:
    async def refused(contract: Contract, code: str) -> None:
        answer = await scene.order(contract)
        assert (answer.status_code, answer.json()["type"]) == (409, f"urn:recobro:problem:{code}")

    contract = await scene.known_contract()
    await scene.receives(contract.disputed())
    await refused(contract, "clarification")
    await scene.receives(contract.resolved(contract.disputes[0], contact_may_resume=False))
    await refused(contract, "clarification")
    for status in (DebtorStatus.DECEASED, DebtorStatus.REPRESENTED):
        contract = await scene.known_contract()
        await scene.receives(contract.reported(status))
        await refused(contract, status)
    contract = await scene.known_contract()
    await scene.receives(contract.closed())
    await refused(contract, "closed")
    contract = await scene.known_contract()
    await scene.receives(contract.paused(DAY, DAY))
    await refused(contract, "paused")
    assert (await scene.order(contract, DAY + timedelta(days=1))).status_code == 201, "the pause has ended by that day"
    contract = await scene.known_contract()
    promise = contract.promised(DAY + timedelta(days=3))
    await scene.receives(promise)
    await refused(contract, "promise")
    assert (await scene.order(contract, DAY + timedelta(days=4))).status_code == 201, (
        "the promise does not silence that day"
    )
    await scene.receives(contract.broke(promise))
    assert (await scene.order(contract)).status_code == 201, "a broken promise silences nothing"
    contract = await scene.known_contract(overdue=Decimal("0.00"))
    await refused(contract, "nothing-overdue")


async def test_after_a_reversal_a_visit_can_be_ordered_again(scene: Scene) -> None:
    contract = await scene.known_contract()
    payment = contract.paid(str(contract.overdue))
    await scene.receives(payment)
    assert (await scene.order(contract)).status_code == 409
    await scene.receives(contract.payment_reversed(payment))
    assert (await scene.order(contract)).status_code == 201


async def test_an_order_waits_for_its_contract_without_a_connection(scene: Scene, app: FastAPI) -> None:
    contract = scene.contract()
    with facts_during_lag(app, lambda: scene.receives(contract.registered())):
        await scene.ordered(contract)


async def test_an_order_for_an_unregistered_contract_is_not_found(scene: Scene) -> None:
    contract = scene.contract()
    await scene.receives(contract.disputed())
    answer = await scene.order(contract)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:contract-unknown")


async def test_visits_are_filtered_and_paged_by_day(scene: Scene) -> None:
    contract, other = await scene.known_contract(), await scene.known_contract()
    days = [DAY + timedelta(days=n) for n in (2, 0, 1)]
    ids = [await scene.ordered(contract, day, visitor=f"Visitor {n}") for n, day in enumerate(days)]
    elsewhere = await scene.ordered(other)
    await scene.post(f"/v1/visits/{elsewhere}/cancellation", {"reason": "rain"})
    by_day = [ids[1], elsewhere, ids[2], ids[0]]

    async def listed(**query: Any) -> list[str]:
        return [item["visit_id"] for item in (await scene.get("/v1/visits", **query)).json()["items"]]

    assert await listed() == by_day
    assert await listed(visitor="Visitor 1") == [ids[1]]
    assert await listed(visit_on=str(DAY)) == [ids[1], elsewhere]
    assert await listed(contract_id=str(contract.contract_id)) == [ids[1], ids[2], ids[0]]
    assert await listed(state="cancelled") == [elsewhere]
    cursor, paged = "", []
    while cursor is not None:
        query: dict[str, Any] = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await scene.get("/v1/visits", **query)).json()
        paged += [item["visit_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert paged == by_day
    assert (await scene.get("/v1/visits", cursor="nonsense")).status_code == 422
    assert (await scene.get("/v1/visits", state="lost")).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"visitor": ""},
        {"visitor": "a\u0000b"},
        {"visitor": "a\u202eb"},
        {"visitor": "x" * 201},
        {"visit_on": "2026-02-31"},
        {"visit_on": "9999-12-31"},
        {"visit_on": 20261123},
        {"contract_id": "1"},
        {"surprise": True},
    ],
)
async def test_bad_orders_are_refused(scene: Scene, changes: dict[str, Any]) -> None:
    contract = await scene.known_contract()
    answer = await scene.order(contract, **changes)
    assert answer.status_code == 422, answer.text
    assert await scene.rows("SELECT FROM visit") == []


async def test_an_operator_cancels_a_visit_once(scene: Scene) -> None:
    visit_id = await scene.ordered(await scene.known_contract())
    answer = await scene.post(f"/v1/visits/{visit_id}/cancellation", {"reason": "the visitor is ill"})
    assert answer.status_code == 201
    assert answer.json()["cancellation"]["detail"] == "the visitor is ill"
    again = await scene.post(f"/v1/visits/{visit_id}/cancellation", {"reason": "once more"})
    assert (again.status_code, again.json()["reason"]) == (409, "operator")
    [event] = await published(scene.database, VisitCancelled)
    assert (event.reason, event.detail) == ("operator", "the visitor is ill")


async def test_the_same_order_sent_twice_counts_once(scene: Scene) -> None:
    contract = await scene.known_contract()
    body = {"contract_id": str(contract.contract_id), "visitor": "V", "visit_on": str(DAY)}
    answers = [await scene.post("/v1/visits", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await published(scene.database, VisitOrdered)) == 1


async def test_a_visit_for_a_placed_contract_carries_the_agency_whoever_orders_it(scene: Scene) -> None:
    agency_id = uuid.uuid4()
    contract = await scene.known_contract(a_placement(agency_id))
    assert (await scene.order(contract)).json()["agency_id"] == str(agency_id)
    other = await scene.order(contract, DAY + timedelta(days=1), agency_id=agency_id)
    assert other.json()["agency_id"] == str(agency_id)
    assert {event.agency_id for event in await published(scene.database, VisitOrdered)} == {agency_id}
