"""Which agencies work a contract, as the assignment service says: shown with the contract, and who may read it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis import OutputModel
from projections import placements
from recobro_events import Transaction
from recobro_events.contracts.assignment import PlacementEvent, PlacementKind, PlacementState


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
            AND placement.agency_id = {agency_id} AND placement.{placements.WITH_AGENCY})"""


async def keep(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Keep where these placements stand: the newest version counts, whichever event comes first."""
    # Both lanes of assignment write here and hold no contract meanwhile: rows are taken in one order.
    await placements.keep(tx, sorted(events, key=lambda event: (event.contract_id, event.placement_id)))
