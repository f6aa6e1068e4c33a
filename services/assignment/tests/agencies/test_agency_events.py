"""An agency without Kafka reads its stream over HTTP: the same events in the same order, and nobody else's."""

import asyncio
import json
import uuid
from typing import Any
from uuid import UUID

import httpx
import pytest
from assignment.agencies.events import expire, position_of
from placing_scene import Json, Scene, as_agency, code_of

RELAY = "DELETE FROM outbox_agencies RETURNING id"
"""What the relay does once the log has acknowledged events."""


async def agency_with_contracts(scene: Scene, count: int = 2) -> str:
    agency_id = await scene.agency("collection")
    await scene.rule(agency_id, kind="collection")
    await scene.contracts(count)
    return agency_id


async def read(scene: Scene, agency_id: str, **params: Any) -> Json:
    found: Json = await scene.get(f"/v1/agencies/{agency_id}/events", params=params, headers=as_agency(agency_id))
    return found


async def refused(scene: Scene, agency_id: str, after: str) -> tuple[int, str]:
    answer: httpx.Response = await scene.client.get(f"/v1/agencies/{agency_id}/events", params={"after": after})
    return answer.status_code, code_of(answer)


async def test_an_agency_reads_its_stream_with_the_same_bodies_in_the_same_order(scene: Scene) -> None:
    agency_id = await agency_with_contracts(scene)
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid("10.00"), contract.disputed())
    on_topic = await scene.rows(
        "SELECT event_id, type, body FROM outbox_agencies WHERE topic = $1 ORDER BY id", f"agency.{agency_id}.events"
    )
    assert (await read(scene, agency_id))["items"] == [], "an event is here when the log has it"
    await scene.rows(RELAY)
    found = await read(scene, agency_id)
    assert [(UUID(item["id"]), item["type"], item["data"]) for item in found["items"]] == [
        (row["event_id"], row["type"], json.loads(row["body"])) for row in on_topic
    ]
    types = [item["type"].split(".")[1] for item in found["items"]]
    assert types[0] == "agency-registered"
    assert types[-4:] == ["payment-received", "contact-silenced", "clarification-opened", "contact-silenced"]


async def test_positions_lead_through_the_stream_without_gap_or_double(scene: Scene) -> None:
    agency_id = await agency_with_contracts(scene)
    read_items: list[Json] = []
    after: Json = {}
    for _ in range(3):
        await scene.contracts(2)
        await scene.rows(RELAY)
        while (found := await read(scene, agency_id, limit=2, **after))["items"]:
            read_items += found["items"]
            after = {"after": found["next_position"]}
        assert found["next_position"] == after["after"], "without items, the position that was sent"
    whole = await read(scene, agency_id, limit=1000)
    assert read_items == whole["items"]
    assert len({item["position"] for item in read_items}) == len(read_items) == 9


async def test_a_request_that_waits_is_answered_when_an_event_comes(scene: Scene) -> None:
    agency_id = await agency_with_contracts(scene)
    await scene.rows(RELAY)
    after = (await read(scene, agency_id))["next_position"]
    waiting = asyncio.create_task(read(scene, agency_id, after=after, wait=60))
    await scene.contracts(1)
    await scene.rows(RELAY)
    [item] = (await waiting)["items"]
    assert item["type"] == "agency.placement-started.v1"


async def test_an_agency_reads_only_its_own_stream(scene: Scene) -> None:
    agency_id, other = await agency_with_contracts(scene), await scene.agency()
    await scene.rows(RELAY)
    path = f"/v1/agencies/{agency_id}/events"
    assert (await scene.client.get(path, headers=as_agency(other))).status_code == 404
    [registered] = (await read(scene, other))["items"]
    assert registered["data"] == {"agency_id": other}
    assert len((await scene.get(path))["items"]) == 3, "an operator reads any"


async def test_a_position_of_another_stream_is_refused(scene: Scene) -> None:
    agency_id, other = await agency_with_contracts(scene), await scene.agency()
    await scene.rows(RELAY)
    of_other = (await read(scene, other))["next_position"]
    beyond_last = position_of(UUID(agency_id), 4)
    for wrong in (of_other, beyond_last, "1", "x" * 22, "AAAA", "é", position_of(uuid.uuid4(), 1), of_other[:-1]):
        assert await refused(scene, agency_id, wrong) == (422, "cursor-unknown"), wrong


async def test_after_a_restore_positions_that_were_lost_are_refused_and_none_is_given_twice(scene: Scene) -> None:
    agency_id = await agency_with_contracts(scene)
    await scene.rows(RELAY)
    kept = (await read(scene, agency_id, limit=1))["next_position"]
    lost = (await read(scene, agency_id))["next_position"]
    await scene.rows("DELETE FROM agency_event WHERE position > 1 RETURNING position")
    await scene.rows("UPDATE agency_stream SET last_position = 1 WHERE agency_id = $1 RETURNING 1", UUID(agency_id))
    await scene.rows("UPDATE epoch SET epoch = 1 RETURNING epoch") or await scene.rows(
        "INSERT INTO epoch (epoch) VALUES (1) RETURNING epoch"
    )
    await scene.contracts(2)
    await scene.rows(RELAY)
    assert await refused(scene, agency_id, lost) == (422, "cursor-unknown")
    assert len((await read(scene, agency_id, after=kept))["items"]) == 2


async def test_events_expire_and_a_reader_that_has_missed_some_is_told(scene: Scene) -> None:
    agency_id = await agency_with_contracts(scene)
    await scene.rows(RELAY)
    first, second, third = (await read(scene, agency_id))["items"]
    await scene.rows("UPDATE agency_event SET kept_at = now() - interval '15 days' WHERE position < 3 RETURNING 1")
    await expire(scene.database)
    assert await refused(scene, agency_id, first["position"]) == (410, "events-expired")
    assert (await read(scene, agency_id))["items"] == [third]
    assert (await read(scene, agency_id, after=second["position"]))["items"] == [third], "it has missed nothing"
    await scene.rows("UPDATE agency_event SET kept_at = now() - interval '15 days' RETURNING 1")
    await expire(scene.database)
    assert (await read(scene, agency_id, after=third["position"]))["items"] == []
    assert await refused(scene, agency_id, second["position"]) == (410, "events-expired")
    await scene.contracts(1)
    await scene.rows(RELAY)
    assert len((await read(scene, agency_id, after=third["position"]))["items"]) == 1


@pytest.mark.parametrize(
    "wrong", [{"wait": "61"}, {"limit": "0"}, {"limit": "1001"}, {"wait": "-1"}, {"after": "x" * 101}]
)
async def test_bad_input_is_refused(scene: Scene, wrong: dict[str, str]) -> None:
    answer = await scene.client.get(f"/v1/agencies/{await scene.agency()}/events", params=wrong)
    assert answer.status_code == 422
