"""How placements change their state, with the events that say so: one statement for one or ten thousand."""

from collections.abc import Mapping

from recobro_events import Event
from recobro_events.contracts import agency, assignment
from recobro_events.contracts.assignment import PlacementState

from assignment.placements.rules import LAST_DAY_OF_GRACE

_PUBLISHED: Mapping[PlacementState, type[Event]] = {
    PlacementState.RECALL_PENDING: assignment.PlacementRecallRequested,
    PlacementState.RECALLED: assignment.PlacementRecalled,
    PlacementState.ACTIVE: assignment.PlacementReinstated,
    PlacementState.ENDED: assignment.PlacementEnded,
}
_TOLD: Mapping[PlacementState, type[Event]] = {
    PlacementState.RECALL_PENDING: agency.PlacementRecallRequested,
    PlacementState.RECALLED: agency.PlacementRecalled,
    PlacementState.ACTIVE: agency.PlacementReinstated,
    PlacementState.ENDED: agency.PlacementEnded,
}


def _type(of: Mapping[PlacementState, type[Event]]) -> str:
    """SQL: the type of the event that says what ``changed`` has become."""
    return "CASE changed.state {} END".format(" ".join(f"WHEN '{state}' THEN '{e.type}'" for state, e in of.items()))


def _event(of: Mapping[PlacementState, type[Event]]) -> str:
    """SQL: the first columns of an outbox row. The same change of a placement is the same event, in any epoch."""
    return f"""
        caused_event_id(coalesce(changed.cause, changed.placement_id), $1::text, {_type(of)},
            changed.placement_id::text, (changed.version & ((1::bigint << 40) - 1))::integer),
        {_type(of)}, changed.contract_id::text, $2::text"""


_MEMBERS = """
    'contract_id', changed.contract_id, 'placement_id', changed.placement_id, 'agency_id', changed.agency_id,
    'kind', changed.kind, 'reason', changed.said,
    'final_on', CASE WHEN changed.state = 'recall_pending' THEN changed.final_on END"""

# $1 consumer or "api", $2 traceparent, $3 … one array per column. What ends by its date ends with that day; what is
# acknowledged or decided in the middle of a day no longer earns on it, unless payments are attributed afterwards.
CHANGE = f"""
WITH changed AS (
    UPDATE placement SET
        state = asked.state,
        version = placement.version + 1,
        reason = CASE asked.state WHEN 'active' THEN NULL
            ELSE coalesce(asked.reason, placement.reason) END,
        on_request = CASE asked.state WHEN 'active' THEN false WHEN 'recall_pending' THEN asked.on_request
            ELSE placement.on_request END,
        final_on = CASE asked.state WHEN 'active' THEN NULL
            WHEN 'recall_pending' THEN {LAST_DAY_OF_GRACE} ELSE placement.final_on END,
        waived = CASE asked.state WHEN 'active' THEN placement.reason ELSE placement.waived END,
        decision = coalesce(asked.decision, placement.decision),
        ended_on = CASE WHEN asked.state NOT IN ('recalled', 'ended') THEN NULL
            WHEN NOT asked.by_date THEN asked.day
            WHEN asked.state = 'recalled' THEN placement.final_on ELSE placement.ends_on END,
        earns_until = service_contract.attribution_days
            + CASE WHEN asked.state NOT IN ('recalled', 'ended') THEN NULL
                WHEN NOT asked.by_date THEN asked.day - (service_contract.attribution_days = 0)::integer
                WHEN asked.state = 'recalled' THEN placement.final_on ELSE placement.ends_on END,
        changed_at = now()
    FROM unnest($3::uuid[], $4::text[], $5::date[], $6::text[], $7::text[], $8::boolean[], $9::boolean[], $10::uuid[])
        AS asked (placement_id, state, day, reason, decision, by_date, on_request, cause), service_contract
    WHERE placement.placement_id = asked.placement_id
        AND service_contract.service_contract_id = placement.service_contract_id
    RETURNING new.*, asked.cause, CASE new.state WHEN 'active' THEN asked.decision ELSE new.reason END AS said
), published AS (
    INSERT INTO outbox_events (event_id, type, key, traceparent, body)
    SELECT {_event(_PUBLISHED)},
        json_strip_nulls(json_build_object({_MEMBERS}, 'version', changed.version,
            'starts_on', CASE WHEN changed.state = 'active' THEN changed.starts_on END,
            'ends_on', CASE WHEN changed.state = 'active' THEN changed.ends_on END))::text
    FROM changed ORDER BY contract_id, kind
)
INSERT INTO outbox_agencies (event_id, type, key, traceparent, body, topic)
SELECT {_event(_TOLD)}, json_strip_nulls(json_build_object({_MEMBERS}))::text,
    'agency.' || changed.agency_id || '.events'
FROM changed ORDER BY contract_id, kind
"""
