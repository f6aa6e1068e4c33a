"""A contract has one open visit a day, few open visits, and few orders."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import httpx
from field_visits.visits.rules import MOST_OPEN_VISITS, MOST_ORDERS_IN_A_DAY
from recobro_events.contracts.field_visits import VisitOrdered
from recobro_events.testing import published
from visits_scene import DAY, Scene, a_placement

TOMORROW = DAY + timedelta(days=1)
# One waits for the contract, the other for the turn of its person.
_TWO_ARE_BLOCKED = """
SELECT count(*) = 2 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'FOR UPDATE|pg_advisory'
"""


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:recobro:problem:")


async def cancel(scene: Scene, visit: str) -> None:
    assert (await scene.post(f"/v1/visits/{visit}/cancellation", {"reason": "rain"})).status_code == 201


async def test_a_second_open_visit_on_a_day_is_refused_with_the_id_of_the_first(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    second = await scene.order(contract, visitor="Somebody Else")
    assert (problem(second), second.json()["visit_id"]) == ((409, "visit-exists"), visit)
    await scene.ordered(contract, TOMORROW)
    await scene.ordered(await scene.known_contract())
    await cancel(scene, visit)
    await scene.ordered(contract)


async def test_after_its_result_a_visit_may_be_repeated_on_the_same_day(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.result(await scene.ordered(contract), "nobody_home", "nobody")
    await scene.ordered(contract)


async def test_of_two_orders_at_once_one_is_refused(scene: Scene) -> None:
    contract = await scene.known_contract()
    async with scene.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract.contract_id)
        orders = [asyncio.create_task(scene.order(contract)) for _ in range(2)]
        await scene.until(_TWO_ARE_BLOCKED)
    answers = sorted(await asyncio.gather(*orders), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["visit_id"] == answers[0].json()["visit_id"]
    assert len(await published(scene.database, VisitOrdered)) == 1


async def test_an_agency_learns_no_id_of_a_visit_that_is_not_its_own(scene: Scene) -> None:
    placement = a_placement(uuid.uuid4())
    contract = await scene.known_contract()
    await scene.ordered(contract)
    await scene.receives(contract.placed(placement))
    refused = await scene.order(contract, agency_id=placement.agency_id)
    assert problem(refused) == (409, "visit-exists")
    assert "visit_id" not in refused.json()
    own = await scene.ordered(contract, TOMORROW, agency_id=placement.agency_id)
    assert (await scene.order(contract, TOMORROW, agency_id=placement.agency_id)).json()["visit_id"] == own


async def test_a_contract_has_a_limited_number_of_open_visits(scene: Scene) -> None:
    contract = await scene.known_contract()
    visits = await scene.ordered_days(contract, MOST_OPEN_VISITS)
    beyond: dict[str, Any] = {"contract": contract, "visit_on": DAY + timedelta(days=MOST_OPEN_VISITS)}
    refused = await scene.order(**beyond)
    assert problem(refused) == (409, "too-many-visits")
    assert str(MOST_OPEN_VISITS) in refused.json()["detail"]
    await cancel(scene, visits[0])
    await scene.ordered(**beyond)


async def test_visits_of_a_contract_are_not_ordered_and_cancelled_without_end(scene: Scene) -> None:
    contract = await scene.known_contract()
    for _ in range(MOST_ORDERS_IN_A_DAY):
        await cancel(scene, await scene.ordered(contract))
    refused = await scene.order(contract)
    assert problem(refused) == (409, "too-many-visits")
    assert "24 hours" in refused.json()["detail"]
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE visit SET ordered_at = ordered_at - interval '1 day'")
    await scene.ordered(contract)
