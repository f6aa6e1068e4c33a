"""Promises and plans of all contracts are seen by what is due and by their state; an agency sees its own."""

from datetime import timedelta
from typing import Any

import httpx
from console_scene import Scene
from contracts_scene import contract, path_of, pay, placed, spanish
from services_in_process import AS_OF


async def promise(scene: Scene, contract: dict[str, Any], days: int = 0) -> dict[str, Any]:
    body = {
        "contract_id": contract["contract_id"],
        "amount": "1.00",
        "due_on": str(AS_OF + timedelta(days=days)),
        "made_in": "call",
    }
    return dict(await scene.platform.post("promises", "/v1/promises", body))


async def shown(client: httpx.AsyncClient, **wanted: str) -> str:
    assert (await client.get("/promises", params=wanted)).status_code == 200
    answer = await client.get("/promises/list", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_promises_are_shown_by_the_day_on_which_they_are_due(scene: Scene) -> None:
    now, soon, later = [await contract(scene) for _ in range(3)]
    for one, days in ((now, 0), (soon, 4), (later, 20)):
        await promise(scene, one, days)
    async with scene.client() as client:
        numbers = {
            view: [one["contract_number"] in await shown(client, view=view) for one in (now, soon, later)]
            for view in ("today", "week", "all")
        }
        assert numbers == {"today": [True, False, False], "week": [True, True, False], "all": [True, True, True]}
        due_on = str(AS_OF + timedelta(days=20))
        only = await shown(client, view="all", state="open", due_from=due_on, due_to=due_on)
        assert [one["contract_number"] in only for one in (now, soon, later)] == [False, False, True]
        assert spanish(AS_OF) in await shown(client, view="today")
        await pay(scene, now)
        await scene.platform.settled()
        assert now["contract_number"] not in await shown(client, view="today")
        assert "cumplida" in await shown(client, view="all", state="kept")


async def test_plans_are_shown_by_their_state_and_what_nobody_made_teaches(scene: Scene) -> None:
    one = await contract(scene)
    instalments = [{"due_on": str(AS_OF + timedelta(days=days)), "amount": "20.00"} for days in (3, 9)]
    body = {"contract_id": one["contract_id"], "kind": "plan", "instalments": instalments}
    made = await scene.platform.post("promises", "/v1/agreements", body)
    async with scene.client() as client:
        assert one["contract_number"] in await shown(client, view="plans", state="open")
        path = f"/v1/agreements/{made['agreement_id']}/cancellation"
        await scene.platform.post("promises", path, {"reason": "cambió de opinión"})
        assert one["contract_number"] not in await shown(client, view="plans", state="open")
        assert one["contract_number"] in await shown(client, view="plans", state="cancelled")
        assert "Ningún convenio coincide" in await shown(client, view="plans", state="fulfilled")
        assert "Ninguna promesa coincide" in await shown(client, view="broken")
        wrong = await client.get("/promises/list", params={"view": "all", "due_from": "mañana"})
        assert (wrong.status_code, "notice bad" in wrong.text) == (200, True)


async def test_an_agency_sees_the_promises_that_it_took(scene: Scene) -> None:
    own, foreign = await contract(scene), await contract(scene)
    agency = await placed(scene)
    await promise(scene, foreign, 6)
    async with scene.client("agency", agency_id=agency) as client:
        form = path_of(own, "/promise")
        due_on = str(AS_OF + timedelta(days=6))
        taken = await scene.send(client, form, form, _key="own", amount="1.00", due_on=due_on)
        assert taken.status_code == 303
        seen = await shown(client, view="week")
    assert own["contract_number"] in seen
    assert foreign["contract_number"] not in seen
