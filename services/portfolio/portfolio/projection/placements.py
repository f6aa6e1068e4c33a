"""Which agencies work a contract, as the assignment service says: shown with the contract, and who may read it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis import OutputModel
from recobro_events import Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
    PlacementState,
)

# A late placement tells the dates that its recall did not know, and changes nothing else.
_KEEP = """
INSERT INTO placement AS known (contract_id, placement_id, version, agency_id, kind, state, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::date[], $8::date[])
    AS told (contract_id, placement_id) ORDER BY contract_id, placement_id
ON CONFLICT (contract_id, placement_id) DO UPDATE SET
    version = greatest(known.version, excluded.version),
    state = CASE WHEN known.version < excluded.version THEN excluded.state ELSE known.state END,
    starts_on = coalesce(excluded.starts_on, known.starts_on),
    ends_on = CASE WHEN excluded.starts_on IS NULL THEN known.ends_on ELSE excluded.ends_on END
WHERE known.version < excluded.version OR (known.starts_on IS NULL AND excluded.starts_on IS NOT NULL)
"""
_STATE_AFTER: dict[type[PlacementEvent], PlacementState] = {
    ContractPlaced: PlacementState.ACTIVE,
    PlacementRecallRequested: PlacementState.RECALL_PENDING,
    PlacementRecalled: PlacementState.RECALLED,
    PlacementReinstated: PlacementState.ACTIVE,
    PlacementEnded: PlacementState.ENDED,
}


class PlacementView(OutputModel):
    """``starts_on`` is null while only its recall or end has been heard of."""

    placement_id: UUID
    agency_id: UUID
    kind: PlacementKind
    state: PlacementState
    starts_on: date | None
    ends_on: date | None


def worked_by(agency_id: str) -> str:
    """SQL: the row ``contract`` is with this agency, also while its recall is not final."""
    return f"""EXISTS (
        SELECT FROM placement WHERE placement.contract_id = contract.contract_id
            AND placement.agency_id = {agency_id} AND placement.state IN ('active', 'recall_pending', 'objected'))"""


async def keep(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Where these placements stand, each of another contract: the newest version counts, whichever comes first."""
    rows = []
    for event in events:
        in_force: tuple[date | None, date | None] = (None, None)
        if isinstance(event, ContractPlaced | PlacementReinstated):
            in_force = (event.starts_on, event.ends_on)
        state = _STATE_AFTER[type(event)]
        about = (event.contract_id, event.placement_id, event.version, event.agency_id, event.kind)
        rows.append((*about, state, *in_force))
    await tx.execute(_KEEP, *zip(*rows, strict=True))
