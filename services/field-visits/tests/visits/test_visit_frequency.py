"""Massachusetts: one visit to a person in 30 days, over all contracts."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from visits_scene import DAY, Contract, Scene, an_address

BOSTON = {"state": "Massachusetts", "city": "Boston", "postal_code": "02108", "country": "US"}
LATER = DAY + timedelta(days=1)


async def of_person(scene: Scene, place: dict[str, str], shared: str = "person_id") -> list[Contract]:
    """Two contracts of one person, each with an address there."""
    named: dict[str, Any] = {shared: uuid.uuid4(), "jurisdiction": "US"}
    return [await scene.known_contract(addresses=[an_address(**place)], **named) for _ in range(2)]


@pytest.mark.parametrize("shared", ["person_id", "debtor_id"])
async def test_a_second_visit_to_the_person_waits_for_thirty_days(scene: Scene, shared: str) -> None:
    one, other = await of_person(scene, BOSTON, shared)
    visit_id = await scene.ordered(one, LATER)
    for contract, day in ((one, LATER + timedelta(days=1)), (other, LATER), (other, LATER + timedelta(days=29))):
        refused = await scene.order(contract, day)
        assert (refused.status_code, refused.json()["reason"]) == (409, "frequency")
    await scene.ordered(other, LATER + timedelta(days=30))
    stranger = await scene.known_contract(addresses=[an_address(**BOSTON)], jurisdiction="US")
    await scene.ordered(stranger, LATER)
    cancelled = await scene.post(f"/v1/visits/{visit_id}/cancellation", {"reason": "no one asked for it"})
    assert cancelled.status_code in (200, 201), cancelled.text
    refused = await scene.order(one, LATER + timedelta(days=1))
    assert refused.json()["reason"] == "frequency", "the visit in 30 days counts for the days before it too"
    await scene.ordered(one, LATER)


async def test_elsewhere_nothing_limits_visits(scene: Scene) -> None:
    one, other = await of_person(scene, {"state": "Texas", "city": "Austin", "postal_code": "73301", "country": "US"})
    await scene.ordered(one, LATER)
    await scene.ordered(other, LATER)


async def test_orders_at_once_never_pass_the_limit(scene: Scene) -> None:
    """Six orders for two contracts of one person: one is taken, whichever comes first."""
    one, other = await of_person(scene, BOSTON)
    answers = await asyncio.gather(*(scene.order(contract, LATER) for contract in (one, other) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers).count(201) == 1
    [row] = await scene.rows("SELECT count(*) AS visits FROM visit")
    assert row["visits"] == 1
