"""Keeps placements of the assignment service: for reading a contract, and for agencies' right to read it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis import OutputModel
from projections import placements
from recobro_events import Transaction
from recobro_events.contracts.assignment import PlacementEvent, PlacementKind, PlacementState
from recobro_events.contracts.field_visits import AttendedBy


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


def _works_with(agency_id: str, condition: str) -> str:
    return f"""EXISTS (
        SELECT FROM placement WHERE placement.contract_id = contract.contract_id
            AND placement.agency_id = {agency_id} AND placement.{placements.WITH_AGENCY} AND ({condition}))"""


def shows_balance_to(agency_id: str) -> str:
    """SQL: whether this agency may know what is owed. An agency for visits may once the debtor has attended it."""
    return _works_with(
        agency_id,
        f"""placement.kind <> '{PlacementKind.VISITS}' OR EXISTS (
            SELECT FROM contract_history AS line
            WHERE line.contract_id = contract.contract_id AND line.kind = 'visit'
                AND line.business_date >= placement.starts_on
                AND line.data ->> 'agency_id' = ({agency_id})::text
                AND line.data ->> 'attended_by' = '{AttendedBy.DEBTOR}')""",
    )


def shows_person_to(agency_id: str) -> str:
    """SQL: whether this agency may know the tax id and the addresses. For dialing they are not needed."""
    return _works_with(agency_id, f"placement.kind <> '{PlacementKind.DIALING}'")


async def keep(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Store the state of these placements. The newest version counts, in whatever order events arrive."""
    # Consumers of both lanes of assignment write these rows without locking contracts. One order prevents deadlocks.
    await placements.keep(tx, sorted(events, key=lambda event: (event.contract_id, event.placement_id)))
