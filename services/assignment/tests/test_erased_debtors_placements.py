"""Nothing that agencies and people wrote about an erased debtor is left in assignment. Placements stay."""

from chassis.testing.canaries import tables_with
from placing_scene import Scene

WORD = "Canarito"


async def test_nothing_of_an_erased_person_is_left(scene: Scene) -> None:
    contract, _, placement = await scene.placed("dialing")
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": f"{WORD} has moved"})
    await scene.post(f"{path}/objection", {"reason": f"{WORD} has promised to pay"})
    await scene.post(f"{path}/objection-decision", {"accepted": False, "reason": f"{WORD} lies"})
    assert "placement" in await tables_with(scene.database, [WORD])
    before = contract.revised()
    await scene.receives(contract.erased())
    await scene.receives(before)
    found = await tables_with(scene.database, [WORD])
    assert set(found) <= {"agency_event"}, found
    assert len(await scene.placements(contract_id=contract.contract_id)) >= 1


async def test_the_reason_of_a_recall_that_was_taken_back_is_erased(scene: Scene) -> None:
    contract, _, placement = await scene.placed("dialing")
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": f"{WORD} has moved"})
    await scene.post(f"{path}/objection", {"reason": "has promised to pay"})
    await scene.post(f"{path}/objection-decision", {"accepted": True, "reason": "let us see"})
    assert "placement" in await tables_with(scene.database, [WORD])
    await scene.receives(contract.erased())
    assert set(await tables_with(scene.database, [WORD])) <= {"agency_event"}
