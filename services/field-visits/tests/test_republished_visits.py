"""Every visit is republished once, in chunks, unchanged, in whatever state the visit is."""

import uuid

import pytest
from field_visits import republishing
from recobro_events import ContractEvent
from recobro_events.contracts.field_visits import VisitCancelled, VisitCompleted, VisitOrdered
from recobro_events.testing import published
from visits_scene import Scene, a_placement, moment

AUDIENCE = "dialer-feed"
_PHOTO = """
INSERT INTO photo (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, recorded_by)
VALUES ($1, $2, 'a', 'a', 1, 1, 1, now(), 'luis')
"""


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


async def bodies(scene: Scene, event_type: type[ContractEvent], audience: str | None = None) -> list[str]:
    """The bodies of these events: the first ones, or those republished for ``audience``."""
    events = await published(scene.database, event_type)
    return sorted(event.body() for event in events if event.envelope.audience == audience)


async def visits_in_every_state(scene: Scene) -> list[str]:
    placement = a_placement(uuid.uuid4())
    contract, placed = await scene.known_contract(), await scene.known_contract(placement)
    ordered, done, failed, cancelled = await scene.ordered_days(contract, 4)
    by_agency, done_by_agency, begun = await scene.ordered_days(placed, 3)
    async with scene.database.transaction() as tx:
        await tx.execute(_PHOTO, uuid.uuid4(), uuid.UUID(done))
    position = {"latitude": 19.4326, "longitude": -99.1332, "accuracy_metres": 8.5}
    await scene.result(done, position=position, reason_for_non_payment="lost the job")
    await scene.result(failed, "nobody_home", "nobody", position=position | {"accuracy_metres": None})
    await scene.result(done_by_agency, at=moment("2026-11-20T17:00:00Z"))
    for visit in (cancelled, begun):
        await scene.post(f"/v1/visits/{visit}/cancellation", {"reason": "rain"})
    await scene.result(begun)
    states = ["cancelled", "done", "done", "done", "failed", "ordered", "ordered"]
    assert [row["state"] for row in await scene.rows("SELECT state FROM visit ORDER BY state")] == states
    return [ordered, done, failed, cancelled, by_agency, done_by_agency, begun]


@pytest.mark.parametrize("chunk", [1, 3, 500])
async def test_visits_are_republished_unchanged(scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(republishing, "CHUNK_VISITS", chunk)
    visits = await visits_in_every_state(scene)

    chunks = await republish_all(scene)

    assert len(chunks) == -(-len(visits) // chunk)
    assert len(await bodies(scene, VisitOrdered, AUDIENCE)) == 7
    assert len(await bodies(scene, VisitCompleted, AUDIENCE)) == 4
    for event_type in (VisitOrdered, VisitCompleted):
        assert await bodies(scene, event_type, AUDIENCE) == await bodies(scene, event_type)
    assert await bodies(scene, VisitCancelled, AUDIENCE) == [], "a cancelled visit does not count for call frequency"


async def test_the_order_of_a_visit_is_republished_before_its_result(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    await scene.result(visit)
    await republish_all(scene)
    types = await scene.rows("SELECT type FROM outbox_events WHERE audience IS NOT NULL ORDER BY id")
    assert [row["type"] for row in types] == [VisitOrdered.type, VisitCompleted.type]


async def test_without_visits_nothing_is_republished(scene: Scene) -> None:
    await scene.known_contract()
    assert await republish_all(scene) == []
