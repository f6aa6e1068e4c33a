"""Placements: which agency works a contract, for which kind of work, and in which state that is."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from recobro_events import Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
    PlacementState,
)

from projections.columns import columns

TABLE = """
-- starts_on is null while only a recall or the end has been heard of: these may overtake the placement itself.
CREATE TABLE placement (
    contract_id uuid NOT NULL,
    placement_id uuid NOT NULL,
    version bigint NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'recall_pending', 'objected', 'recalled', 'ended')),
    starts_on date,
    ends_on date,
    PRIMARY KEY (contract_id, placement_id)
) WITH (fillfactor = 85);
"""
WITH_AGENCY = "state IN ('active', 'recall_pending', 'objected')"
"""SQL: the agency has the contract, whether or not it is to give it back."""

_STATE_AFTER: Mapping[type[PlacementEvent], PlacementState] = MappingProxyType(
    {
        ContractPlaced: PlacementState.ACTIVE,
        PlacementRecallRequested: PlacementState.RECALL_PENDING,
        PlacementRecalled: PlacementState.RECALLED,
        PlacementReinstated: PlacementState.ACTIVE,
        PlacementEnded: PlacementState.ENDED,
    }
)
# A recall or an end says no dates: those that are known stay. A late placement says them, and changes nothing else.
_KEEP = """
INSERT INTO placement AS known (contract_id, placement_id, version, agency_id, kind, state, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::date[], $8::date[])
ON CONFLICT (contract_id, placement_id) DO UPDATE SET
    version = greatest(known.version, excluded.version),
    state = CASE WHEN known.version < excluded.version THEN excluded.state ELSE known.state END,
    starts_on = coalesce(excluded.starts_on, known.starts_on),
    ends_on = CASE WHEN excluded.starts_on IS NULL THEN known.ends_on ELSE excluded.ends_on END
WHERE known.version < excluded.version OR (known.starts_on IS NULL AND excluded.starts_on IS NOT NULL)
"""


async def keep(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Keep where placements stand: the newest version counts, whichever event comes first."""
    await tx.execute(_KEEP, *columns((_row(event) for event in events), 8))


def _row(event: PlacementEvent) -> tuple[Any, ...]:
    dates = (
        (event.starts_on, event.ends_on) if isinstance(event, ContractPlaced | PlacementReinstated) else (None, None)
    )
    state = _STATE_AFTER[type(event)]
    return event.contract_id, event.placement_id, event.version, event.agency_id, event.kind, state, *dates


def in_force(placement: str, day: str) -> str:
    """SQL: whether the row ``placement`` covers ``day``; dates that are not known cover every day."""
    return f"{day} BETWEEN coalesce({placement}.starts_on, '-infinity') AND coalesce({placement}.ends_on, 'infinity')"
