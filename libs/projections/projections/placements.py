"""Placements: which agency works a contract, for which kind of work, and the placement's state."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

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

from projections.columns import Column, arrays, columns

TABLE = """
-- starts_on is null if a recall or an end arrived before the placement itself.
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
"""SQL: the agency has the contract, whether or not we have asked for it back."""

_STATE_AFTER: Mapping[type[PlacementEvent], PlacementState] = MappingProxyType(
    {
        ContractPlaced: PlacementState.ACTIVE,
        PlacementRecallRequested: PlacementState.RECALL_PENDING,
        PlacementRecalled: PlacementState.RECALLED,
        PlacementReinstated: PlacementState.ACTIVE,
        PlacementEnded: PlacementState.ENDED,
    }
)


def _state(event: PlacementEvent) -> PlacementState:
    return _STATE_AFTER[type(event)]


_PLACEMENT: Mapping[str, Column[PlacementEvent]] = MappingProxyType(
    {
        "agency_id": Column("uuid", lambda event: event.agency_id),
        "kind": Column("text", lambda event: event.kind),
        "state": Column("text", _state),
        "active": Column("boolean", lambda event: _state(event) is PlacementState.ACTIVE),
    }
)
_CHANGING = ("state", "active")


class Placements:
    """Keeps placements: their dates, and the columns that a service names."""

    def __init__(self, *names: str) -> None:
        kept = [_PLACEMENT[name] for name in names]
        self._read = [column.read for column in kept]
        newest = (
            f"{name} = CASE WHEN known.version < excluded.version THEN excluded.{name} ELSE known.{name} END"
            for name in names
            if name in _CHANGING
        )
        # A recall or an end carries no dates, so the known dates stay. A placement that arrives late adds its dates and
        # changes nothing else.
        self._keep = f"""
INSERT INTO placement AS known (contract_id, placement_id, version, {", ".join(names)}, starts_on, ends_on)
SELECT * FROM unnest({arrays(["uuid", "uuid", "bigint", *(column.type for column in kept), "date", "date"])})
ON CONFLICT (contract_id, placement_id) DO UPDATE SET
    version = greatest(known.version, excluded.version), {", ".join(newest)},
    starts_on = coalesce(excluded.starts_on, known.starts_on),
    ends_on = CASE WHEN excluded.starts_on IS NULL THEN known.ends_on ELSE excluded.ends_on END
WHERE known.version < excluded.version OR (known.starts_on IS NULL AND excluded.starts_on IS NOT NULL)
"""

    async def keep(self, tx: Transaction, events: Sequence[PlacementEvent]) -> None:
        """Keep the state of placements. The newest version counts, whichever event arrives first."""
        rows = (
            (
                event.contract_id,
                event.placement_id,
                event.version,
                *(read(event) for read in self._read),
                *_dates(event),
            )
            for event in events
        )
        await tx.execute(self._keep, *columns(rows, 5 + len(self._read)))


def _dates(event: PlacementEvent) -> tuple[date | None, date | None]:
    """Returns the placement's first and last day where the event carries them."""
    if isinstance(event, ContractPlaced | PlacementReinstated):
        return event.starts_on, event.ends_on
    return None, None


keep = Placements("agency_id", "kind", "state").keep
"""Keeps the table above."""

ENDED_AT = "ALTER TABLE placement ADD COLUMN ended_at timestamptz"
"""Adds the time at which a placement stopped being active, null while it is active or where nobody knows the time."""
_KEEP_ENDS = """
UPDATE placement SET
    ended_at = CASE WHEN placement.state <> 'active' THEN coalesce(placement.ended_at, fact.at) END
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])
    AS fact (contract_id, placement_id, version, at)
WHERE placement.contract_id = fact.contract_id AND placement.placement_id = fact.placement_id
    AND placement.version = fact.version
"""


async def keep_ends(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Keep when these placements stopped being active. A republished event does not carry that time."""
    rows = (
        (event.contract_id, event.placement_id, event.version, None if event.is_republished else event.occurred_at)
        for event in events
    )
    await tx.execute(_KEEP_ENDS, *columns(rows, 4))


def in_force(placement: str, day: str) -> str:
    """SQL: whether the row ``placement`` covers ``day``. An unknown date sets no limit."""
    return f"{day} BETWEEN coalesce({placement}.starts_on, '-infinity') AND coalesce({placement}.ends_on, 'infinity')"
