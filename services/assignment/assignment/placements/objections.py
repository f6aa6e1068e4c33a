"""Reading the objections of agencies to recalls, such as those that wait for an operator."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from recobro_events.contracts.assignment import PlacementKind, PlacementState

from assignment.placements import queries


class ObjectionState(StrEnum):
    """``lapsed``: the placement went on or ended before anybody decided."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LAPSED = "lapsed"


class Objection(OutputModel):
    """The last objection of a placement. ``reason`` is why the contract is recalled, ``objection`` why it should stay.

    ``decision`` is what the operator wrote who decided. ``objected_by`` and ``decided_by`` say who it was.
    """

    placement_id: UUID
    contract_id: UUID
    contract_number: str | None
    agency_id: UUID
    kind: PlacementKind
    placement_state: PlacementState
    state: ObjectionState
    reason: str | None
    objection: str
    objected_at: datetime
    objected_by: dict[str, Any] | None
    decision: str | None
    decided_by: dict[str, Any] | None


async def listed(
    reader: Reader,
    query: PageQuery,
    state: ObjectionState | None,
    agency_id: UUID | None,
    contract_id: UUID | None,
) -> Page[Objection]:
    """Return a page of matching objections in the order in which they were made."""
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(queries.OBJECTIONS[query.order], state, agency_id, contract_id, *after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["objected_at"].isoformat(), row["placement_id"]))
