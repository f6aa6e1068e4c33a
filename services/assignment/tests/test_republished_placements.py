"""Every placement is republished once, in chunks, in its present state with its dates and reasons."""

import json
from datetime import timedelta

import pytest
from assignment import republishing
from placing_scene import DAY, Json, Scene
from placing_states import AUDIENCE, LAST, REASON, TOMORROW, placements_in_every_state, republish_all
from recobro_events import Event
from recobro_events.contracts.assignment import (
    AgencyChanged,
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
    """The bodies of these events in order: the first ones, or those republished for ``audience``."""
    events = await published(scene.database, event_type)
    return [json.loads(event.body()) for event in events if event.envelope.audience == audience]


GRACE = TOMORROW + timedelta(days=2)
CHANGED: dict[str, tuple[type[PlacementEvent], Json]] = {
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
"""The event about the present state of each changed placement. An objection raises the version without an event."""


@pytest.mark.parametrize("chunk", [1, 3, 500])
async def test_each_placement_is_republished_in_its_present_state(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(republishing, "CHUNK_CONTRACTS", chunk)
    placements = await placements_in_every_state(scene)
    names = {placement["placement_id"]: name for name, placement in placements.items()}
    agency_events = await scene.rows("SELECT count(*) FROM outbox_agencies")

    chunks = await republish_all(scene)

    assert len(chunks) == 1 + -(-7 // chunk)
    agencies = await bodies(scene, AgencyChanged)
    assert agencies != []
    assert await bodies(scene, AgencyChanged, AUDIENCE) == sorted(agencies, key=lambda body: body["agency_id"])
    first = {body["placement_id"]: body for body in await bodies(scene, ContractPlaced)}
    assert len(first) == 8
    by_contract = sorted(first.values(), key=lambda body: (body["contract_id"], body["kind"]))
    assert await bodies(scene, ContractPlaced, AUDIENCE) == [
        body | {"version": 0 if names[body["placement_id"]] in CHANGED else 1} for body in by_contract
    ]
    for event_type in (PlacementReinstated, PlacementRecallRequested, PlacementRecalled, PlacementEnded):
        expected = [
            {name: placements[state][name] for name in ("contract_id", "placement_id", "agency_id", "kind")} | fields
            for state, (changed_type, fields) in CHANGED.items()
            if changed_type is event_type
        ]
        assert await bodies(scene, event_type, AUDIENCE) == sorted(expected, key=lambda body: body["contract_id"])
    assert await scene.rows("SELECT count(*) FROM outbox_agencies") == agency_events, (
        "nothing is republished to agencies"
    )


async def test_the_last_event_of_a_placement_is_republished_unchanged(scene: Scene) -> None:
    placements = await placements_in_every_state(scene)
    await republish_all(scene)
    for event_type in (PlacementReinstated, PlacementRecalled, PlacementEnded):
        assert await bodies(scene, event_type, AUDIENCE) == await bodies(scene, event_type)
    pending = placements["recall_pending"]["placement_id"]
    first, again = [
        [body for body in await bodies(scene, PlacementRecallRequested, audience) if body["placement_id"] == pending]
        for audience in (None, AUDIENCE)
    ]
    assert again == first


async def test_after_a_restore_the_start_of_a_changed_placement_has_the_lowest_version_of_the_epoch(
    scene: Scene,
) -> None:
    placements = await placements_in_every_state(scene)
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE placement SET version = version | $1::bigint", EPOCH)
    await republish_all(scene)
    names = {placement["placement_id"]: name for name, placement in placements.items()}
    placed = {names[body["placement_id"]]: body["version"] for body in await bodies(scene, ContractPlaced, AUDIENCE)}
    assert placed == {name: EPOCH if name in CHANGED else EPOCH | 1 for name in placements}
    [recalled] = await bodies(scene, PlacementRecalled, AUDIENCE)
    assert recalled["version"] == EPOCH | 3


async def test_without_placements_nothing_is_republished(scene: Scene) -> None:
    await scene.contracts(2)
    assert len(await republish_all(scene)) == 1, "the agencies alone"
    assert await bodies(scene, ContractPlaced, AUDIENCE) == []
