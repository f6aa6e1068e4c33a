"""Keeps placements of the assignment service: for reading a contract, and for agencies' right to read it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis import OutputModel
from projections import placements
from recobro_events import Transaction
from recobro_events.contracts.assignment import PlacementEvent, PlacementKind, PlacementState


class PlacementView(OutputModel):
    """``starts_on`` is null while the event of the placement's start has not been applied."""

    placement_id: UUID
    agency_id: UUID
    kind: PlacementKind
    state: PlacementState
    starts_on: date | None
    ends_on: date | None


def worked_by(agency_id: str) -> str:
    """SQL: whether this agency has the contract of the row ``contract``, also while a recall is not final."""
    return f"""EXISTS (
        SELECT FROM placement WHERE placement.contract_id = contract.contract_id
            AND placement.agency_id = {agency_id} AND placement.{placements.WITH_AGENCY})"""


async def keep(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Store the state of these placements. The newest version counts, in whatever order events arrive."""
    # Consumers of both lanes of assignment write these rows without locking contracts. One order prevents deadlocks.
    await placements.keep(tx, sorted(events, key=lambda event: (event.contract_id, event.placement_id)))
