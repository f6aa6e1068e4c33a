"""Recalls by hand: an operator recalls a contract, its agency acknowledges or objects, an operator decides.

Recalls by rules and dates are made in ``placing``.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from chassis import Conflict, InputModel, Principal, Problem, Text
from chassis.transactions import act_for_service
from projections.contracts import lock
from pydantic import Field, StrictBool
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


MOST_AT_ONCE = 500


class NewAcknowledgements(InputModel):
    placement_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]
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


async def acknowledge(
    tx: Transaction, placement_ids: Sequence[UUID], reason: str | None, who: Principal
) -> tuple[list[Row], dict[UUID, Problem]]:
    """The agency confirms that the work has stopped. The recalls are final.

    Returns the placements that are recalled now, and the problem of each of the others. A placement that the agency has
    acknowledged before is ``NotPending``.
    """
    known = await _lock(tx, placement_ids, who)
    problems: dict[UUID, Problem] = {}
    for placement_id in placement_ids:
        if placement_id not in known:
            problems[placement_id] = PlacementUnknown()
        elif known[placement_id]["state"] != PlacementState.RECALL_PENDING:
            problems[placement_id] = _not_in(PlacementState.RECALL_PENDING, NotPending, known[placement_id])
    recalled = [row for placement_id, row in known.items() if placement_id not in problems]
    await change(
        tx, [Change(row["placement_id"], PlacementState.RECALLED, row["day"], decision=reason) for row in recalled]
    )
    return recalled, problems


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
    known = (await _lock(tx, [placement_id], who)).get(placement_id)
    if known is None:
        raise PlacementUnknown()
    if known["state"] != state:
        raise _not_in(state, otherwise, known)
    return known


async def _lock(tx: Transaction, placement_ids: Sequence[UUID], who: Principal) -> dict[UUID, Row]:
    """Lock the contracts of these placements, and return the placements by id, without those of other agencies."""
    own = await tx.fetch(queries.CONTRACTS_OF, placement_ids, who.agency_id)
    await act_for_service(tx)
    await lock(tx, [row["contract_id"] for row in own])
    rows = await tx.fetch(queries.STATE_ON_DAY, [row["placement_id"] for row in own])
    return {row["placement_id"]: row for row in rows}


def _not_in(state: PlacementState, otherwise: type[Conflict], known: Row) -> Conflict:
    return otherwise(f"The placement is {known['state']}, not {state}.", extra={"state": known["state"]})


async def _become(tx: Transaction, known: Row, state: PlacementState, who: Principal, **details: Any) -> Placement:
    await change(tx, [Change(known["placement_id"], state, known["day"], **details)])
    return await read(tx, known["placement_id"], who)
