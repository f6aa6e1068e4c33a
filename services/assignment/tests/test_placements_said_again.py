"""Every placement is said again as it stands: in chunks, each once, with its dates and reasons."""

import json
from datetime import timedelta

import pytest
from assignment import republishing
from placing_scene import DAY, Json, Scene
from recobro_events import Event
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.portfolio import Stage
from recobro_events.testing import published

LAST, TOMORROW = DAY + timedelta(days=30), DAY + timedelta(days=1)
EPOCH, AUDIENCE = 1 << 40, "dialer-feed"
REASON = "the creditor wants it back"


async def say_again(scene: Scene) -> list[str]:
    """Everything; how far each chunk has come."""
    chunks = [""]
    while True:
        async with scene.database.transaction(bulk=True) as tx:
            tx.audience = AUDIENCE
            after = await republishing.republish(tx, chunks[-1])
        if after is None:
            return chunks[1:]
        chunks.append(after)


async def bodies(scene: Scene, event_type: type[Event], audience: str | None = None) -> list[Json]:
    """What was said, first or again, in order."""
    events = await published(scene.database, event_type)
    return [json.loads(event.body()) for event in events if event.envelope.audience == audience]


async def placements_in_every_state(scene: Scene) -> dict[str, Json]:
    """One for each state, on contracts of their own, by what has become of them; one contract has two."""
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


GRACE = TOMORROW + timedelta(days=2)
BECAME: dict[str, tuple[type[PlacementEvent], Json]] = {
    "reinstated": (
        PlacementReinstated,
        {"version": 4, "reason": "let us see", "starts_on": str(DAY), "ends_on": str(LAST)},
    ),
    "recall_pending": (PlacementRecallRequested, {"version": 2, "reason": REASON, "final_on": str(GRACE)}),
    "objected": (PlacementRecallRequested, {"version": 3, "reason": REASON, "final_on": str(GRACE)}),
    "recalled": (PlacementRecalled, {"version": 3, "reason": REASON}),
    "recalled by a rule": (
        PlacementRecallRequested,
        {"version": 2, "reason": "no_longer_eligible", "final_on": str(GRACE)},
    ),
    "ended": (PlacementEnded, {"version": 2, "reason": "term_over"}),
}
"""What is said of those that are no longer as they were placed. An objection raises the version and says nothing."""


@pytest.mark.parametrize("chunk", [1, 3, 500])
async def test_placements_are_said_again_as_they_stand(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(republishing, "CHUNK_CONTRACTS", chunk)
    placements = await placements_in_every_state(scene)
    names = {placement["placement_id"]: name for name, placement in placements.items()}
    told = await scene.rows("SELECT count(*) FROM outbox_agencies")

    chunks = await say_again(scene)

    assert len(chunks) == -(-7 // chunk)
    first = {body["placement_id"]: body for body in await bodies(scene, ContractPlaced)}
    assert len(first) == 8
    by_contract = sorted(first.values(), key=lambda body: (body["contract_id"], body["kind"]))
    assert await bodies(scene, ContractPlaced, AUDIENCE) == [
        body | {"version": 0 if names[body["placement_id"]] in BECAME else 1} for body in by_contract
    ]
    for event_type in (PlacementReinstated, PlacementRecallRequested, PlacementRecalled, PlacementEnded):
        expected = [
            {name: placements[state][name] for name in ("contract_id", "placement_id", "agency_id", "kind")} | said
            for state, (said_type, said) in BECAME.items()
            if said_type is event_type
        ]
        assert await bodies(scene, event_type, AUDIENCE) == sorted(expected, key=lambda body: body["contract_id"])
    assert await scene.rows("SELECT count(*) FROM outbox_agencies") == told, "agencies hear nothing again"


async def test_what_was_said_last_of_a_placement_is_said_again_word_for_word(scene: Scene) -> None:
    placements = await placements_in_every_state(scene)
    await say_again(scene)
    for event_type in (PlacementReinstated, PlacementRecalled, PlacementEnded):
        assert await bodies(scene, event_type, AUDIENCE) == await bodies(scene, event_type)
    pending = placements["recall_pending"]["placement_id"]
    first, again = [
        [body for body in await bodies(scene, PlacementRecallRequested, audience) if body["placement_id"] == pending]
        for audience in (None, AUDIENCE)
    ]
    assert again == first


async def test_after_a_restore_what_was_placed_has_the_lowest_version_of_the_new_epoch(scene: Scene) -> None:
    placements = await placements_in_every_state(scene)
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE placement SET version = version | $1::bigint", EPOCH)
    await say_again(scene)
    names = {placement["placement_id"]: name for name, placement in placements.items()}
    placed = {names[body["placement_id"]]: body["version"] for body in await bodies(scene, ContractPlaced, AUDIENCE)}
    assert placed == {name: EPOCH if name in BECAME else EPOCH | 1 for name in placements}
    [recalled] = await bodies(scene, PlacementRecalled, AUDIENCE)
    assert recalled["version"] == EPOCH | 3


async def test_where_nothing_is_placed_nothing_is_said(scene: Scene) -> None:
    await scene.contracts(2)
    assert await say_again(scene) == []
