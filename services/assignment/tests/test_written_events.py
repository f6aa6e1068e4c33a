"""Events whose bodies SQL writes: each has exactly the fields of its contract."""

import json
import uuid
from collections import defaultdict

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
