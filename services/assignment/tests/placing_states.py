"""Makes placements in every state, and republishes them all."""

from datetime import timedelta

from assignment import republishing
from placing_scene import DAY, Json, Scene
from recobro_events.contracts.portfolio import Stage

LAST, TOMORROW = DAY + timedelta(days=30), DAY + timedelta(days=1)
AUDIENCE = "dialer-feed"
REASON = "the creditor wants it back"


async def republish_all(scene: Scene) -> list[str]:
    """Republish everything. Returns the last id of each chunk."""
    chunks = [""]
    while True:
        async with scene.database.transaction(bulk=True) as tx:
            tx.audience = AUDIENCE
            after = await republishing.republish(tx, chunks[-1])
        if after is None:
            return chunks[1:]
        chunks.append(after)


async def placements_in_every_state(scene: Scene) -> dict[str, Json]:
    """Make a placement for each state, and return them by name. The contract of ``ended`` has two placements."""
    agency_id = await scene.agency("dialing", ends_on=str(LAST))
    await scene.rule(agency_id, stages=["early"])
    visitors = await scene.agency("visits", ends_on=str(DAY))
    await scene.rule(visitors, kind="visits", stages=["late"])
    names = ("active", "reinstated", "recall_pending", "objected", "recalled", "recalled by a rule")
    contracts = dict(zip(names, await scene.contracts(len(names)), strict=True))
    [ended] = await scene.contracts(1, stage=Stage.LATE)
    await scene.day(TOMORROW)
    await scene.receives(ended.revised(stage=Stage.EARLY), contracts["recalled by a rule"].staged(Stage.LEGAL))
    path = {
        name: f"/v1/placements/{(await scene.placements(contract_id=str(contract.contract_id)))[0]['placement_id']}"
        for name, contract in contracts.items()
    }
    for name in ("reinstated", "recall_pending", "objected", "recalled"):
        await scene.post(f"{path[name]}/recall", {"reason": REASON})
    for name in ("reinstated", "objected"):
        await scene.post(f"{path[name]}/objection", {"reason": "a promise for Friday"})
    await scene.post(f"{path['reinstated']}/objection-decision", {"accepted": True, "reason": "let us see"})
    await scene.post(f"{path['recalled']}/acknowledgement")
    placements = {name: await scene.get(at) for name, at in path.items()}
    dialing, visits = await scene.placements(contract_id=str(ended.contract_id))
    return placements | {"ended": visits, "active after it": dialing}
