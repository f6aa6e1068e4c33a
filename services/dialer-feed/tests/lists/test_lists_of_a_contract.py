"""Why a contract may be called, or may not: the lists on which it is and was."""

import httpx
from chassis.testing import mint
from dialing_agencies import Placement
from dialing_requests import report
from dialing_scene import Scene


async def test_a_contract_shows_its_lists_and_why_it_left_them(scene: Scene, client: httpx.AsyncClient) -> None:
    reported, other = await scene.contracts(2)
    first = await scene.built()
    second = await scene.built(campaign_id=await scene.campaign())
    await report(client, first, reported, "deceased")

    address = {"contract_id": str(reported.contract_id)}
    entries = (await client.get("/v1/list-entries", params=address)).json()["items"]
    assert [(each["list_id"], each["status"], each["reason"]) for each in entries] == [
        (str(first), "withdrawn", "deceased"),
        (str(second), "withdrawn", "deceased"),
    ]
    assert all(each["is_live"] and each["withdrawn_at"] and each["campaign_name"] for each in entries)
    turned = await client.get("/v1/list-entries", params=address | {"order": "desc", "limit": 1})
    assert [each["list_id"] for each in turned.json()["items"]] == [str(second)]
    rest = await client.get(
        "/v1/list-entries", params=address | {"order": "desc", "limit": 1, "cursor": turned.json()["next_cursor"]}
    )
    assert [each["list_id"] for each in rest.json()["items"]] == [str(first)]

    left = (await client.get("/v1/list-entries", params={"contract_id": str(other.contract_id)})).json()["items"]
    assert [(each["status"], each["reason"]) for each in left] == [("listed", None)] * 2


async def test_an_agency_does_not_see_the_lists_of_a_contract(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    placement = Placement(contract.contract_id, contract.contract_id)
    await scene.receives(placement.placed())
    headers = {"Authorization": f"Bearer {mint(agency_id=placement.agency_id)}"}
    answer = await client.get("/v1/list-entries", params={"contract_id": str(contract.contract_id)}, headers=headers)
    assert answer.status_code == 403
