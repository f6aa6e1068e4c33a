"""One statement that changes the state of any number of placements and publishes the events of these changes."""

from collections.abc import Mapping
from types import MappingProxyType

from recobro_events import Event, outbox
from recobro_events.contracts import agency, assignment
from recobro_events.contracts.assignment import PlacementState

from assignment.agency_feed.rules import TOPIC
from assignment.placements.rules import LAST_DAY_OF_GRACE

_TO_SERVICES: Mapping[PlacementState, type[Event]] = MappingProxyType(
    {
        PlacementState.RECALL_PENDING: assignment.PlacementRecallRequested,
        PlacementState.RECALLED: assignment.PlacementRecalled,
        PlacementState.ACTIVE: assignment.PlacementReinstated,
        PlacementState.ENDED: assignment.PlacementEnded,
    }
)
_TO_AGENCIES: Mapping[PlacementState, type[Event]] = MappingProxyType(
    {
        PlacementState.RECALL_PENDING: agency.PlacementRecallRequested,
        PlacementState.RECALLED: agency.PlacementRecalled,
        PlacementState.ACTIVE: agency.PlacementReinstated,
        PlacementState.ENDED: agency.PlacementEnded,
    }
)


def _rows(of: Mapping[PlacementState, type[Event]], *, members: str = "", topic: str | None = None) -> str:
    """SQL: the event of each row of ``changed``.

    The same change has the same event id in any epoch, except a person's: what a restore has lost of a person's work is
    entered again, and the services must apply it again.
    """
    head = outbox.rows(
        {f"state = '{state}'": event for state, event in of.items()},
        body=f"""json_strip_nulls(json_build_object(
            'contract_id', contract_id, 'placement_id', placement_id, 'agency_id', agency_id, 'kind', kind,
            'reason', event_reason, 'final_on', CASE WHEN state = 'recall_pending' THEN final_on END{members}))""",
        traceparent="$2",
        event_id=outbox.Caused(
            "CASE WHEN NOT by_person THEN coalesce(cause, placement_id) END",
            consumer="$1",
            key="placement_id",
            n="version & ((1::bigint << 40) - 1)",
        ),
        topic=topic,
    )
    return f"{head} FROM changed ORDER BY contract_id, kind"


_DATES = """, 'version', version,
            'starts_on', CASE WHEN state = 'active' THEN starts_on END,
            'ends_on', CASE WHEN state = 'active' THEN ends_on END"""

# $1 consumer or "api", $2 traceparent, $3 … one array per column. The release before reads earns_until.
CHANGE = f"""
WITH changed AS (
    UPDATE placement SET
        state = given.state,
        version = placement.version + 1,
        reason = CASE given.state WHEN 'active' THEN NULL
            ELSE coalesce(given.reason, placement.reason) END,
        on_request = CASE given.state WHEN 'active' THEN false WHEN 'recall_pending' THEN given.on_request
            ELSE placement.on_request END,
        final_on = CASE given.state WHEN 'active' THEN NULL
            WHEN 'recall_pending' THEN {LAST_DAY_OF_GRACE} ELSE placement.final_on END,
        waived = CASE WHEN given.state = 'active' AND NOT given.by_date THEN placement.reason
            ELSE placement.waived END,
        decision = coalesce(given.decision, placement.decision),
        recall_actor = CASE WHEN given.on_request THEN nullif(current_setting('app.actor', true), '')::jsonb
            ELSE placement.recall_actor END,
        decision_actor = CASE WHEN given.state IN ('active', 'recalled') AND NOT given.by_date
            THEN nullif(current_setting('app.actor', true), '')::jsonb ELSE placement.decision_actor END,
        ended_on = CASE WHEN given.state NOT IN ('recalled', 'ended') THEN NULL
            WHEN NOT given.by_date THEN given.day
            WHEN given.state = 'recalled' THEN least(placement.final_on, placement.ends_on) ELSE placement.ends_on END,
        ended_version = CASE WHEN given.state IN ('recalled', 'ended') AND NOT given.by_date THEN contract.version END,
        earns_until = service_contract.attribution_days
            + CASE WHEN given.state NOT IN ('recalled', 'ended') THEN NULL
                WHEN NOT given.by_date THEN given.day - (service_contract.attribution_days = 0)::integer
                WHEN given.state = 'recalled' THEN least(placement.final_on, placement.ends_on)
                ELSE placement.ends_on END,
        changed_at = now()
    FROM unnest($3::uuid[], $4::text[], $5::date[], $6::text[], $7::text[], $8::boolean[], $9::boolean[], $10::uuid[])
        AS given (placement_id, state, day, reason, decision, by_date, on_request, cause), service_contract, contract
    WHERE placement.placement_id = given.placement_id AND contract.contract_id = placement.contract_id
        AND service_contract.service_contract_id = placement.service_contract_id
    RETURNING new.*, given.cause,
        given.on_request OR NOT given.by_date AND given.state <> 'recall_pending' AS by_person,
        CASE new.state WHEN 'active' THEN coalesce(given.decision, given.reason) ELSE new.reason END AS event_reason
), published AS (
{_rows(_TO_SERVICES, members=_DATES)}
)
{_rows(_TO_AGENCIES, topic=TOPIC)}
"""
