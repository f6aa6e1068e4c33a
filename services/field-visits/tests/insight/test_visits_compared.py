"""What visits reached, by agency, visitor and day; each row lists its visits, and an agency sees its own."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from chassis.testing import mint
from chassis.testing.followed import followed
from visited_contracts import a_placement
from visits_scene import DAY, Scene

Json = dict[str, Any]
AGENCY = uuid.uuid4()


@pytest.fixture
async def visited(scene: Scene) -> Scene:
    """Three visits of our own on the day, of which two have results, and one of an agency on the day after."""
    contracts = [await scene.known_contract() for _ in range(3)]
    made = [await scene.ordered(contract) for contract in contracts[:2]]
    await scene.ordered(contracts[2], visitor="Ana Ruiz")
    assert (await scene.attend(made[0])).status_code == 201
    assert (await scene.result(made[0], "refused")).status_code == 201
    assert (await scene.result(made[1], "nobody_home", "nobody")).status_code == 201
    placed = await scene.known_contract(a_placement(AGENCY))
    await scene.ordered(placed, DAY + timedelta(days=1), agency_id=AGENCY)
    return scene


async def compared(scene: Scene, as_agency: uuid.UUID | None = None, **wanted: Any) -> list[Json]:
    token = {} if as_agency is None else {"Authorization": f"Bearer {mint(agency_id=as_agency, subject='agency')}"}
    answer = await scene.client.get("/v1/insight/visits", params=wanted, headers=token)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    for item in items:
        listed = await scene.client.get(item["items"], headers=token)
        assert len(listed.json()["items"]) == item["visits"], item
    return items


async def test_agencies_visitors_and_days_stand_side_by_side(visited: Scene) -> None:
    inside, agency = await compared(visited)
    counts = ("visits", "made", "met", "third_party", "nobody", "refused", "promises", "cancelled")
    assert [inside[name] for name in counts] == [3, 2, 1, 0, 1, 1, 0, 0]
    assert (inside["met_rate"], inside["refusal_rate"], inside["promise_rate"]) == (0.5, 1.0, 0.0)
    assert (agency["agency_id"], agency["visits"], agency["met_rate"]) == (str(AGENCY), 1, None)
    visitors = {row["visitor"]: row["visits"] for row in await compared(visited, by="visitor")}
    assert visitors == {"Ana Ruiz": 1, "Óscar Peña": 3}
    assert [(row["day"], row["visits"]) for row in await compared(visited, by="day")] == [
        (str(DAY), 3),
        (str(DAY + timedelta(days=1)), 1),
    ]
    [of_agency] = await compared(visited, by="visitor", agency_id=str(AGENCY))
    assert of_agency["visits"] == 1


async def test_an_agency_is_compared_with_nobody(visited: Scene) -> None:
    for by in ("agency", "visitor", "day"):
        rows = await compared(visited, AGENCY, by=by)
        assert [row["visits"] for row in rows] == [1]
    assert await compared(visited, uuid.uuid4()) == []
    assert (await visited.get("/v1/today", AGENCY)).status_code == 403


async def test_the_visits_of_a_day_are_counted_by_state(visited: Scene) -> None:
    figures = (await visited.get("/v1/today", day=str(DAY))).json()
    assert await followed(visited.client, figures) == {
        "visits.ordered": 1,
        "visits.routed": 0,
        "visits.done": 1,
        "visits.failed": 1,
        "visits.cancelled": 0,
    }
