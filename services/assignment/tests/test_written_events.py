"""Events whose bodies SQL writes: each has exactly the fields of its contract."""

import json
import re
import uuid
from collections import defaultdict
from decimal import Decimal

from assignment.handlers import consumer
from placing_scene import Json, Scene
from placing_states import placements_in_every_state, republish_all
from recobro_events import REGISTRY, Event, Lane
from recobro_events.contracts import agency, assignment

WRITTEN: frozenset[type[Event]] = frozenset(
    {
        assignment.ContractPlaced,
        assignment.PlacementRecallRequested,
        assignment.PlacementRecalled,
        assignment.PlacementReinstated,
        assignment.PlacementEnded,
        agency.PlacementStarted,
        agency.PlacementRecallRequested,
        agency.PlacementRecalled,
        agency.PlacementReinstated,
        agency.PlacementEnded,
        agency.ClarificationOpened,
    }
)


def filled(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}


async def test_events_that_sql_writes_match_their_contracts(scene: Scene) -> None:
    await placements_in_every_state(scene)
    await scene.contracts(1, disputes=[uuid.uuid4()])
    await republish_all(scene)

    seen: defaultdict[tuple[type[Event], bool], set[str]] = defaultdict(set)
    for lane in Lane:
        topic = "topic" if lane is Lane.AGENCIES else "NULL AS topic"
        for row in await scene.rows(f"SELECT type, key, body, audience, {topic} FROM outbox_{lane}"):
            event_type = REGISTRY[row["type"]]
            event = event_type.model_validate_json(row["body"])
            written = filled(json.loads(row["body"]))
            assert written == filled(json.loads(event.body()))
            assert (event_type.lane, str(event.key), event.topic) == (lane, row["key"], row["topic"])
            if event_type in WRITTEN:
                seen[event_type, row["audience"] is not None] |= set(written)
    for event_type in WRITTEN:
        assert seen[event_type, False] == set(event_type.model_fields)
        if event_type.lane is not Lane.AGENCIES:
            assert seen[event_type, True] == set(event_type.model_fields), "republished"


def test_a_report_without_effect_changes_no_placement() -> None:
    """Other services' reports say in ``effective`` whether they count. Whoever handles one has to read that."""
    assert not [event for event in consumer.handlers if "effective" in event.model_fields]
    assert [event for event in REGISTRY.values() if "effective" in event.model_fields]


def test_events_repeat_nothing() -> None:
    """An event that repeats a part needs a most of these parts, so that it fits the event log.

    A letterhead has one text for each language; a silence names each reason once.
    """
    modules = {assignment.__name__, agency.__name__}
    own = [event for event in REGISTRY.values() if event.__module__ in modules]
    assert len(own) > len(WRITTEN)
    repeating = [event for event in own if re.search("array|additionalProperties", str(event.model_json_schema()))]
    assert {event.type for event in repeating} == {assignment.AgencyChanged.type, agency.ContactResumed.type}


async def test_the_largest_events_are_a_fiftieth_of_what_the_log_takes(scene: Scene) -> None:
    longest = {"reason": "\U0001f600" * 1000}
    amount = Decimal("999999999999.99")
    agency_id = await scene.agency("dialing", fees=[{"kind": "dialing", "from_days": 0, "percent": "100"}])
    await scene.rule(agency_id)
    [contract] = await scene.contracts(1, overdue=amount, total=amount)
    [placement] = await scene.placements()
    path = f"/v1/placements/{placement['placement_id']}"
    for step in ("recall", "objection"):
        await scene.post(f"{path}/{step}", longest)
    await scene.post(f"{path}/objection-decision", longest | {"accepted": True})
    await scene.post(f"{path}/recall", longest)
    await scene.post(f"{path}/acknowledgement", longest)
    await scene.receives(contract.paid(str(amount)))
    sizes = [await scene.rows(f"SELECT max(octet_length(body::text)) FROM outbox_{lane}") for lane in Lane]
    assert 4000 < max(row["max"] or 0 for [row] in sizes) < 20_000
