"""A promise that a restore has lost is entered again with the id that it had."""

import uuid

from promise_scene import Scene, code_of, day
from recobro_events import new_event_id
from recobro_events.contracts.promises import AgreementReached, PromiseMade


async def test_a_promise_keeps_its_id_and_is_made_once(scene: Scene) -> None:
    """Its version is above all that other services know of it from before the restore."""
    await scene.rows("INSERT INTO epoch (epoch) VALUES (1) ON CONFLICT (single) DO UPDATE SET epoch = 1")
    contract, promise_id = await scene.registered(), str(new_event_id())
    promise = await scene.promise(contract, promise_id=promise_id)
    assert promise["promise_id"] == promise_id
    assert promise["version"] > 1 << 40
    again = await scene.request_promise(contract, promise_id=promise_id)
    assert (again.status_code, code_of(again)) == (409, "promise-known")
    [made] = await scene.published(PromiseMade)
    assert (str(made.promise_id), made.version) == (promise_id, promise["version"])


async def test_an_agency_gives_no_promise_its_id(scene: Scene) -> None:
    agency_id = uuid.uuid4()
    contract = await scene.registered()
    await scene.placed(contract, agency_id)
    headers = scene.agency(agency_id)
    refused = await scene.request_promise(contract, headers=headers, promise_id=str(new_event_id()))
    assert (refused.status_code, code_of(refused)) == (403, "operators-only")


async def test_a_plan_and_its_instalments_keep_their_ids_and_are_made_once(scene: Scene) -> None:
    await scene.rows("INSERT INTO epoch (epoch) VALUES (1) ON CONFLICT (single) DO UPDATE SET epoch = 1")
    contract, agreement_id = await scene.registered(), str(new_event_id())
    instalments = [{"due_on": str(day(due)), "amount": "100.00", "promise_id": str(new_event_id())} for due in (5, 20)]
    body = {"contract_id": str(contract.contract_id), "kind": "plan", "instalments": instalments}
    without = await scene.client.post("/v1/agreements", json=body)
    assert without.status_code == 422, "a plan without its id may not have instalments with theirs"
    plan = await scene.client.post("/v1/agreements", json=body | {"agreement_id": agreement_id})
    assert plan.status_code == 201, plan.text
    assert plan.json()["agreement_id"] == agreement_id
    [reached] = await scene.published(AgreementReached)
    assert reached.version > 1 << 40
    assert [str(one.promise_id) for one in reached.schedule] == [one["promise_id"] for one in instalments]
    again = await scene.client.post("/v1/agreements", json=body | {"agreement_id": agreement_id})
    assert (again.status_code, code_of(again)) == (409, "agreement-known")
