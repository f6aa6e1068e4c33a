"""Placements over HTTP: the agency of each contract, and the steps of a recall."""

from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Day,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ShortText,
    WriteTransaction,
    page,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from recobro_events.contracts.assignment import PlacementKind, PlacementState

from assignment.placements import objections, queries, reading, recalling
from assignment.placements.objections import Objection, ObjectionState
from assignment.placements.reading import Placement
from assignment.placements.recalling import NewObjection, NewRecall

router = Router(prefix="/v1", tags=["placements"])


@router.get("/placements", dependencies=[reads("assignment", agency=True)])
async def list_placements(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    agency_id: UUID | None = None,
    kind: PlacementKind | None = None,
    state: PlacementState | None = None,
    started_from: Day | None = None,
    started_to: Day | None = None,
    ended_from: Day | None = None,
    ended_to: Day | None = None,
    reason: ShortText | None = None,
) -> Page[Placement]:
    """List placements by id. An agency sees only its own."""
    after = query.after(UUID)
    filters = (contract_id, agency_id, kind, state)
    days = (started_from, started_to, ended_from, ended_to)
    arguments = (*filters, who.agency_id, after, query.limit + 1, *days, reason)
    rows = await reader.fetch(queries.PLACEMENTS[query.order], *arguments)
    return page(rows, query, key=lambda row: (row["placement_id"],))


@router.get("/placements/{placement_id}", dependencies=[reads("assignment", agency=True)])
async def read_placement(placement_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Placement:
    """Read a placement."""
    return await reading.read(reader, placement_id, who)


@router.get("/objections", dependencies=[reads("assignment"), reads_in_bulk()])
async def list_objections(
    query: PageQuery,
    reader: ReadConnection,
    state: ObjectionState | None = None,
    agency_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Page[Objection]:
    """List the objections of agencies to recalls in the order in which they were made.

    With ``state=open`` those on which an operator decides.
    """
    return await objections.listed(reader, query, state, agency_id, contract_id)


@router.post("/placements/{placement_id}/recall", status_code=201, dependencies=[writes("assignment")])
async def recall(placement_id: UUID, new: NewRecall, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """Ask the agency to give a contract back.

    The work stops at once. The agency may acknowledge or object during its days of grace. After the recall is final,
    no rule places the contract with this agency again.
    """
    return await recalling.recall(tx, placement_id, new, who)


@router.post("/placements/{placement_id}/objection", status_code=201, dependencies=[writes("assignment", agency=True)])
async def object_to(placement_id: UUID, new: NewObjection, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """The agency wants to keep the contract. The work stays stopped until an operator has decided."""
    return await recalling.object_to(tx, placement_id, new, who)
