"""Placements over HTTP: who has which contract, and how it is given back."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import (
    Conflict,
    CurrentPrincipal,
    InputModel,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Principal,
    ReadConnection,
    Router,
    Text,
    WriteTransaction,
    page,
    reads,
    writes,
)
from pydantic import StrictBool
from recobro_events import Row, Transaction
from recobro_events.contracts.assignment import PlacementKind, PlacementState

from assignment import projection_queries
from assignment.placements import queries
from assignment.placements.changing import Change, change, object_to_recall

router = Router(prefix="/v1", tags=["placements"])


class PlacementUnknown(NotFound):
    code = "placement-unknown"
    detail = "There is no such placement."


class NotActive(Conflict):
    code = "placement-not-active"


class NotPending(Conflict):
    code = "placement-not-pending"


class NotObjected(Conflict):
    code = "placement-not-objected"


class GraceOver(Conflict):
    code = "grace-over"
    detail = "The days in which the recall could be objected to are over."


class NewRecall(InputModel):
    reason: Text


class NewAcknowledgement(InputModel):
    reason: Text | None = None


class NewObjection(InputModel):
    reason: Text


class NewDecision(InputModel):
    """``accepted``: the placement is active again; else the recall is final."""

    accepted: StrictBool
    reason: Text


class Placement(OutputModel):
    """``reason`` of its recall or end, ``final_on`` the last day of grace, ``ended_on`` when it was over."""

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


@router.get("/placements", dependencies=[reads("assignment", agency=True)])
async def list_placements(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    agency_id: UUID | None = None,
    kind: PlacementKind | None = None,
    state: PlacementState | None = None,
) -> Page[Placement]:
    """Placements by id; an agency sees its own."""
    after = query.after(UUID)
    filters = (contract_id, agency_id, kind, state)
    rows = await queries.placements(reader, filters, who.agency_id, after[0] if after else None, query.limit + 1)
    return page(rows, query, key=lambda row: (row["placement_id"],))


@router.get("/placements/{placement_id}", dependencies=[reads("assignment", agency=True)])
async def read_placement(placement_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Placement:
    return _answer(await queries.placement(reader, placement_id, who.agency_id))


def _answer(row: Row | None) -> Placement:
    if row is None:
        raise PlacementUnknown()
    return Placement(**{name: row[name] for name in Placement.model_fields})


@router.post("/placements/{placement_id}/recall", status_code=201, dependencies=[writes("assignment")])
async def recall(placement_id: UUID, new: NewRecall, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """Ask for a contract back. The work stops at once; the agency has its days of grace to acknowledge or object.

    No rule places the contract with this agency again.
    """
    known = await _locked(tx, placement_id, who)
    _expect(known, PlacementState.ACTIVE, NotActive)
    return await _become(tx, who, known, PlacementState.RECALL_PENDING, reason=new.reason, on_request=True)


@router.post(
    "/placements/{placement_id}/acknowledgement", status_code=201, dependencies=[writes("assignment", agency=True)]
)
async def acknowledge(
    placement_id: UUID, tx: WriteTransaction, who: CurrentPrincipal, new: NewAcknowledgement | None = None
) -> Placement:
    """The work has stopped: the recall is final."""
    known = await _locked(tx, placement_id, who)
    _expect(known, PlacementState.RECALL_PENDING, NotPending)
    return await _become(tx, who, known, PlacementState.RECALLED, decision=new.reason if new else None)


@router.post("/placements/{placement_id}/objection", status_code=201, dependencies=[writes("assignment", agency=True)])
async def object_to(placement_id: UUID, new: NewObjection, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """The agency wants to keep the contract. The work stays stopped until an operator has decided."""
    known = await _locked(tx, placement_id, who)
    _expect(known, PlacementState.RECALL_PENDING, NotPending)
    if known["day"] > known["final_on"]:
        raise GraceOver()
    await object_to_recall(tx, placement_id, new.reason)
    return _answer(await queries.placement(tx, placement_id, who.agency_id))


@router.post("/placements/{placement_id}/objection-decision", status_code=201, dependencies=[writes("assignment")])
async def decide(placement_id: UUID, new: NewDecision, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """Accept an objection, and the placement is active again; or refuse it, and the recall is final."""
    known = await _locked(tx, placement_id, who)
    _expect(known, PlacementState.OBJECTED, NotObjected)
    state = PlacementState.ACTIVE if new.accepted else PlacementState.RECALLED
    return await _become(tx, who, known, state, decision=new.reason)


async def _locked(tx: Transaction, placement_id: UUID, who: Principal) -> Row:
    """The placement, its contract locked; ``PlacementUnknown``, also for another agency's."""
    contract_id = await queries.contract_of(tx, placement_id, who.agency_id)
    if contract_id is None:
        raise PlacementUnknown()
    await projection_queries.lock_contracts(tx, [contract_id])
    known = await queries.placement(tx, placement_id, who.agency_id)
    assert known is not None
    return known


def _expect(known: Row, state: PlacementState, otherwise: type[Conflict]) -> None:
    if known["state"] != state:
        raise otherwise(f"The placement is {known['state']}, not {state}.", extra={"state": known["state"]})


async def _become(tx: Transaction, who: Principal, known: Row, state: PlacementState, **details: Any) -> Placement:
    await change(tx, [Change(known["placement_id"], state, known["day"], **details)])
    return _answer(await queries.placement(tx, known["placement_id"], who.agency_id))
