"""Each promise and plan names who made it and who cancelled it."""

import uuid

from chassis.testing import mint
from promise_scene import Json, Scene
from recobro_events.contracts.portfolio import DebtorStatus

_ACTORS = """
SELECT actor ->> 'subject' AS made, cancel_actor ->> 'subject' AS cancelled FROM {table} ORDER BY 1, 2
"""


def person(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(subject=name)}"}


async def actors(scene: Scene, table: str) -> list[tuple[str | None, str | None]]:
    return [(row["made"], row["cancelled"]) for row in await scene.rows(_ACTORS.format(table=table))]


async def cancel(scene: Scene, path: str, headers: dict[str, str]) -> Json:
    answer = await scene.client.post(f"{path}/cancellation", json={"reason": "misheard"}, headers=headers)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def test_a_promise_names_who_made_it_and_who_cancelled_it(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, headers=person("ana"))
    assert await actors(scene, "promise") == [("ana", None)]
    await cancel(scene, f"/v1/promises/{promise['promise_id']}", person("luis"))
    assert await actors(scene, "promise") == [("ana", "luis")]


async def test_a_plan_and_its_promises_name_who_made_and_who_cancelled_them(scene: Scene) -> None:
    contract = await scene.registered()
    plan = await scene.plan(contract, (5, "10.00"), (6, "10.00"), headers=person("ana"))
    await cancel(scene, f"/v1/agreements/{plan['agreement_id']}", person("luis"))
    assert await actors(scene, "agreement") == [("ana", "luis")]
    assert await actors(scene, "promise") == [("ana", "luis")] * 2


async def test_an_agencys_promise_names_its_person_and_an_event_that_cancels_it_names_nobody(scene: Scene) -> None:
    contract = await scene.registered()
    agency_id = uuid.uuid4()
    await scene.placed(contract, agency_id)
    await scene.promise(contract, headers={"Authorization": f"Bearer {mint(agency_id=agency_id, subject='eva')}"})
    await scene.receives(contract.reported(DebtorStatus.DECEASED))
    assert await actors(scene, "promise") == [("eva", None)]
    [row] = await scene.rows("SELECT state, actor ->> 'agency_id' AS agency FROM promise")
    assert (row["state"], row["agency"]) == ("cancelled", str(agency_id))
