"""Reading placements: the agency of a contract, and the state of its recall."""

from datetime import date, datetime
from uuid import UUID

from chassis import NotFound, OutputModel, Principal, Reader
from recobro_events.contracts.assignment import PlacementKind, PlacementState

from assignment.placements import queries


class PlacementUnknown(NotFound):
    code = "placement-unknown"
    detail = "There is no such placement."


class Placement(OutputModel):
    """A placement. ``reason`` is the reason of its recall or end, ``final_on`` is the last day of grace.

    ``ended_on`` is the business date of the final recall or of the end.
    """

    placement_id: UUID
    version: int
    contract_id: UUID
    contract_number: str | None
    agency_id: UUID
    kind: PlacementKind
    state: PlacementState
    rule_id: UUID
    service_contract_id: UUID
    starts_on: date
    ends_on: date | None
    reason: str | None
    final_on: date | None
    objection: str | None
    decision: str | None
    ended_on: date | None
    placed_at: datetime
    changed_at: datetime


async def read(reader: Reader, placement_id: UUID, who: Principal) -> Placement:
    """Return the placement. Raises ``PlacementUnknown``, also when an agency asks for another one's placement."""
    row = await reader.fetchrow(queries.PLACEMENT, placement_id, who.agency_id)
    if row is None:
        raise PlacementUnknown()
    return Placement(**{name: row[name] for name in Placement.model_fields})
