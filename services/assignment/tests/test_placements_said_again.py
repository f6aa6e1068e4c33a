"""Every placement is said again as it stands: in chunks, each once, with its dates and reasons."""

import json
from datetime import timedelta

import pytest
from assignment import republishing
from placing_scene import DAY, Json, Scene
from placing_states import AUDIENCE, LAST, REASON, TOMORROW, placements_in_every_state, say_again
from recobro_events import Event
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.testing import published

EPOCH = 1 << 40


async def bodies(scene: Scene, event_type: type[Event], audience: str | None = None) -> list[Json]:
    """What was said, first or again, in order."""
    events = await published(scene.database, event_type)
    return [json.loads(event.body()) for event in events if event.envelope.audience == audience]


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
