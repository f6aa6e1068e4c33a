"""An agency's token makes promises on contracts placed with the agency, and reads no other agency's promises."""

import uuid
from uuid import UUID

import pytest
from promise_scene import Contract, Placement, Scene, code_of, day, pointers
from promises.handlers import consumer
from recobro_events import REGISTRY
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.promises import PromiseMade

PLAN = ((5, "100.00"), (20, "100.00"))


@pytest.fixture
def ours() -> UUID:
    return uuid.uuid4()


@pytest.fixture
def theirs() -> UUID:
    return uuid.uuid4()


async def placed_contract(scene: Scene, agency_id: UUID) -> tuple[Contract, Placement]:
    contract = await scene.registered()
    return contract, await scene.placed(contract, agency_id)


async def test_an_agency_takes_promises_only_for_itself(scene: Scene, ours: UUID, theirs: UUID) -> None:
    contract, _ = await placed_contract(scene, ours)
    promise = await scene.promise(contract, headers=scene.agency(ours), made_in="agency")
    assert promise["agency_id"] == str(ours)
    [made] = await scene.published(PromiseMade)
    assert (made.agency_id, made.made_in) == (ours, "agency")
    same = await scene.request_promise(contract, due=6, headers=scene.agency(ours), agency_id=str(ours))
    assert same.status_code == 201
    other = await scene.request_promise(contract, due=7, headers=scene.agency(ours), agency_id=str(theirs))
    assert (other.status_code, pointers(other)) == (422, ["/agency_id"])


async def test_an_operator_may_name_the_agency(scene: Scene, ours: UUID) -> None:
    promise = await scene.promise(await scene.registered(), made_in="agency", agency_id=str(ours))
    assert promise["agency_id"] == str(ours)


@pytest.mark.parametrize("kind", list(PlacementKind))
async def test_a_placement_of_any_kind_admits_promises(scene: Scene, ours: UUID, kind: PlacementKind) -> None:
    contract = await scene.registered()
    await scene.receives(Placement(contract.contract_id, ours, kind).placed())
    await scene.promise(contract, headers=scene.agency(ours))


async def test_a_contract_of_another_agency_is_not_found(scene: Scene, ours: UUID, theirs: UUID) -> None:
    contract, _ = await placed_contract(scene, theirs)
    for answer in (
        await scene.request_promise(contract, headers=scene.agency(ours)),
        await scene.request_plan(contract, *PLAN, headers=scene.agency(ours)),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "contract-unknown")
    assert await scene.event_names() == []


async def test_an_agency_sees_its_own_promises_and_plans_only(scene: Scene, ours: UUID, theirs: UUID) -> None:
    contract, _ = await placed_contract(scene, ours)
    await scene.placed(contract, theirs)
    mine = await scene.promise(contract, due=5, headers=scene.agency(ours))
    yours = await scene.promise(contract, due=6, headers=scene.agency(theirs))
    from_inside = await scene.promise(contract, due=7)
    plan = await scene.plan(contract, (10, "10.00"), (11, "10.00"), headers=scene.agency(theirs))
    assert (plan["agency_id"], plan["made_in"]) == (str(theirs), "agency")

    listed = (await scene.client.get("/v1/promises", headers=scene.agency(ours))).json()["items"]
    assert listed == [mine]
    for path in (
        f"/v1/promises/{yours['promise_id']}",
        f"/v1/promises/{from_inside['promise_id']}",
        f"/v1/promises/{plan['instalments'][0]['promise_id']}",
        f"/v1/agreements/{plan['agreement_id']}",
    ):
        assert (await scene.client.get(path, headers=scene.agency(ours))).status_code == 404
        if "instalments" not in path:
            cancelled = await scene.client.post(
                f"{path}/cancellation", json={"reason": "x"}, headers=scene.agency(ours)
            )
            assert cancelled.status_code == 404
    assert (await scene.client.get("/v1/agreements", headers=scene.agency(ours))).json()["items"] == []
    assert (await scene.client.get("/v1/agreements", headers=scene.agency(theirs))).json()["items"] == [plan]
    assert len((await scene.client.get("/v1/promises")).json()["items"]) == 5


async def test_after_a_recall_the_agency_changes_nothing_and_its_promises_stand(scene: Scene, ours: UUID) -> None:
    contract, placement = await placed_contract(scene, ours)
    headers = scene.agency(ours)
    promise = await scene.promise(contract, headers=headers)
    plan = await scene.plan(contract, (10, "10.00"), (11, "10.00"), headers=headers)
    await scene.receives(placement.recall_requested())

    assert (await scene.request_promise(contract, due=6, headers=headers)).status_code == 404
    for path in (f"/v1/promises/{promise['promise_id']}", f"/v1/agreements/{plan['agreement_id']}"):
        answer = await scene.client.post(f"{path}/cancellation", json={"reason": "x"}, headers=headers)
        assert (answer.status_code, code_of(answer)) == (409, "not-placed")
        assert (await scene.client.get(path, headers=headers)).status_code == 200
    assert await scene.state(promise) == ("open", "0.00")

    await scene.receives(placement.reinstated())
    answer = await scene.client.post(
        f"/v1/promises/{promise['promise_id']}/cancellation", json={"reason": "x"}, headers=headers
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("end", ["recalled", "ended"])
async def test_a_placement_that_is_over_admits_no_promise(scene: Scene, ours: UUID, end: str) -> None:
    contract, placement = await placed_contract(scene, ours)
    await scene.receives(getattr(placement, end)())
    assert (await scene.request_promise(contract, headers=scene.agency(ours))).status_code == 404


async def test_a_placement_that_arrives_after_its_recall_admits_no_promise(scene: Scene, ours: UUID) -> None:
    contract = await scene.registered()
    placement = Placement(contract.contract_id, ours)
    placed, recall = placement.placed(), placement.recall_requested()
    await scene.receives_each(recall, placed)
    assert (await scene.request_promise(contract, headers=scene.agency(ours))).status_code == 404


async def test_a_placement_that_arrives_before_its_contract_admits_promises(scene: Scene, ours: UUID) -> None:
    contract = scene.contract()
    await scene.receives_each(Placement(contract.contract_id, ours).placed(), contract.registered())
    await scene.promise(contract, headers=scene.agency(ours))


async def test_an_agency_cannot_run_a_check(scene: Scene, ours: UUID) -> None:
    body = {"as_of": str(day(1))}
    answer = await scene.client.post("/v1/promise-checks", json=body, headers=scene.agency(ours))
    assert (answer.status_code, code_of(answer)) == (403, "agency-refused")


async def test_a_placement_whose_term_is_over_admits_nothing_although_its_end_has_not_arrived(
    scene: Scene, ours: UUID
) -> None:
    contract = await scene.registered()
    placement = Placement(contract.contract_id, ours, ends_on=day(3))
    await scene.receives(placement.placed())
    headers = scene.agency(ours)
    promise = await scene.promise(contract, due=10, headers=headers)
    plan = await scene.plan(contract, (15, "10.00"), (16, "10.00"), headers=headers)
    await scene.move_business_date(3)
    await scene.promise(contract, due=11, headers=headers)
    await scene.move_business_date(4)
    for refused in (
        await scene.request_promise(contract, due=12, headers=headers),
        await scene.request_plan(contract, (20, "10.00"), (21, "10.00"), headers=headers),
    ):
        assert (refused.status_code, code_of(refused)) == (404, "contract-unknown")
    for path in (f"/v1/promises/{promise['promise_id']}", f"/v1/agreements/{plan['agreement_id']}"):
        kept = await scene.client.post(f"{path}/cancellation", json={"reason": "x"}, headers=headers)
        assert (kept.status_code, code_of(kept)) == (409, "not-placed")
    assert await scene.state(promise) == ("open", "0.00")


@pytest.mark.parametrize(("end", "shown"), [("recall_requested", True), ("recalled", False), ("ended", False)])
async def test_after_the_end_an_agency_reads_what_became_of_its_promises_and_no_reason(
    scene: Scene, ours: UUID, end: str, shown: bool
) -> None:
    contract, placement = await placed_contract(scene, ours)
    headers = scene.agency(ours)
    promise = await scene.promise(contract, headers=headers)
    plan = await scene.plan(contract, (10, "10.00"), (11, "10.00"), headers=headers)
    paths = {
        f"/v1/promises/{promise['promise_id']}": "/v1/promises",
        f"/v1/agreements/{plan['agreement_id']}": "/v1/agreements",
    }
    for path in paths:
        await scene.client.post(f"{path}/cancellation", json={"reason": "María is ill"})
    await scene.receives(getattr(placement, end)())
    for path, listed_in in paths.items():
        one = (await scene.client.get(path, headers=headers)).json()
        assert one in (await scene.client.get(listed_in, headers=headers)).json()["items"]
        assert (one["state"], one["cancellation_reason"]) == ("cancelled", "María is ill" if shown else None)
        assert (await scene.client.get(path)).json()["cancellation_reason"] == "María is ill"


def test_a_report_without_effect_reaches_no_promise() -> None:
    """Other services' reports say in ``effective`` whether they count. Whoever handles one has to read that."""
    assert not [event for event in consumer.handlers if "effective" in event.model_fields]
    assert [event for event in REGISTRY.values() if "effective" in event.model_fields]
