"""Recalls by hand: an operator recalls a contract, its agency acknowledges or objects, an operator decides.

Recalls by rules and dates are made in ``placing``.
"""

from typing import Any
from uuid import UUID

from chassis import Conflict, InputModel, Principal, Text
from chassis.transactions import act_for_service
from projections.contracts import lock
from pydantic import StrictBool
from recobro_events import Row, Transaction
from recobro_events.contracts.assignment import PlacementState

from assignment.placements import queries
from assignment.placements.changing import Change, change
from assignment.placements.reading import Placement, PlacementUnknown, read


class NotActive(Conflict):
    code = "placement-not-active"


class NotPending(Conflict):
    code = "placement-not-pending"


class NotObjected(Conflict):
    code = "placement-not-objected"


class GraceOver(Conflict):
    code = "grace-over"
    detail = "The days of grace, in which the agency may object to the recall, are over."


class NewRecall(InputModel):
    reason: Text


class NewAcknowledgement(InputModel):
    reason: Text | None = None


class NewObjection(InputModel):
    reason: Text


class NewDecision(InputModel):
    """``accepted`` makes the placement active again. Otherwise the recall is final."""

    accepted: StrictBool
    reason: Text


async def recall(tx: Transaction, placement_id: UUID, new: NewRecall, who: Principal) -> Placement:
    """Ask the agency to give a contract back. After the final recall no rule places it with this agency again."""
    known = await _locked(tx, placement_id, PlacementState.ACTIVE, NotActive, who)
    return await _become(tx, known, PlacementState.RECALL_PENDING, who, reason=new.reason, on_request=True)


async def acknowledge(tx: Transaction, placement_id: UUID, new: NewAcknowledgement, who: Principal) -> Placement:
    """The agency confirms that the work has stopped. The recall is final."""
    known = await _locked(tx, placement_id, PlacementState.RECALL_PENDING, NotPending, who)
    return await _become(tx, known, PlacementState.RECALLED, who, decision=new.reason)


async def object_to(tx: Transaction, placement_id: UUID, new: NewObjection, who: Principal) -> Placement:
    """The agency wants to keep the contract. The recall waits for an operator's decision."""
    known = await _locked(tx, placement_id, PlacementState.RECALL_PENDING, NotPending, who)
    if known["grace_over"]:
        raise GraceOver()
    await tx.execute(queries.OBJECT, placement_id, new.reason)
    return await read(tx, placement_id, who)


async def decide(tx: Transaction, placement_id: UUID, new: NewDecision, who: Principal) -> Placement:
    """Accept or refuse an objection. Acceptance makes the placement active again; refusal makes the recall final."""
    known = await _locked(tx, placement_id, PlacementState.OBJECTED, NotObjected, who)
    await tx.execute(queries.DECIDE_OBJECTION, placement_id, new.accepted)
    state = PlacementState.ACTIVE if new.accepted else PlacementState.RECALLED
    return await _become(tx, known, state, who, decision=new.reason)


async def _locked(
    tx: Transaction, placement_id: UUID, state: PlacementState, otherwise: type[Conflict], who: Principal
) -> Row:
    """Lock the placement's contract and return the placement, which must be in this state.

    Raises ``otherwise`` in any other state. Raises ``PlacementUnknown``, also for another agency's placement.
    """
    contract_id = await tx.fetchval(queries.CONTRACT_OF, placement_id, who.agency_id)
    if contract_id is None:
        raise PlacementUnknown()
    await act_for_service(tx)
    await lock(tx, [contract_id])
    [known] = await tx.fetch(queries.STATE_ON_DAY, placement_id)
    if known["state"] != state:
        raise otherwise(f"The placement is {known['state']}, not {state}.", extra={"state": known["state"]})
    return known


async def _become(tx: Transaction, known: Row, state: PlacementState, who: Principal, **details: Any) -> Placement:
    await change(tx, [Change(known["placement_id"], state, known["day"], **details)])
    return await read(tx, known["placement_id"], who)
