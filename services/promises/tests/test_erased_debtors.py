"""Nothing that people wrote about an erased debtor is left in promises. What was promised stays."""

from chassis.testing.canaries import tables_with
from page_scene import signed_in
from promise_scene import Scene

WORD = "Canarito"


async def test_nothing_of_an_erased_person_is_left(scene: Scene) -> None:
    contract = await scene.registered(name=f"{WORD} Pérez", tax_id="LORA850505AB1", postal_codes=("97070",))
    link = await scene.client.post(f"/v1/contracts/{contract.contract_id}/links", json={})
    assert link.status_code == 201, link.text
    path = f"/v1/links/{link.json()['link_id']}/revocation"
    assert (await scene.client.post(path, json={"reason": f"{WORD} has moved"})).status_code == 201
    assert (await scene.client.post(f"/v1/contracts/{contract.contract_id}/links", json={})).status_code == 201
    promise = await scene.promise(contract)
    path = f"/v1/promises/{promise['promise_id']}/cancellation"
    answer = await scene.client.post(path, json={"reason": f"{WORD} has moved"})
    assert answer.status_code == 201, answer.text
    assert "promise" in await tables_with(scene.database, [WORD])
    before = contract.revised()
    await scene.receives(contract.erased())
    await scene.receives(before)
    assert await tables_with(scene.database, [WORD]) == {}
    [identity] = await scene.rows("SELECT tax_id, postal_codes FROM page_identity")
    assert tuple(identity) == (None, [])
    assert await scene.rows("SELECT FROM page_link WHERE ended_at IS NULL") == []
    assert (await scene.read_promise(promise))["amount"] == "100.00"


async def test_when_the_debtor_does_not_want_to_be_contacted_is_erased(scene: Scene) -> None:
    visitor, contract, link = await signed_in(scene)
    assert (await visitor.send("contact", days=["sun"])).status_code == 200
    path = f"/v1/links/{link['link_id']}"
    [act] = (await scene.client.get(path)).json()["acts"]
    assert act["result"] == {"not_days": ["sun"]}
    await scene.receives(contract.erased())
    [act] = (await scene.client.get(path)).json()["acts"]
    assert (act["kind"], act["result"]) == ("contact", {})
