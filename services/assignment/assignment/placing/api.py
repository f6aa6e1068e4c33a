"""Placement runs, and the steps that make a recall final, over HTTP."""

from uuid import UUID

from chassis import CurrentPrincipal, OutputModel, Problem, Router, ServiceDatabase, WriteTransaction, writes
from chassis.spoken import in_language_of
from fastapi import Request
from recobro_events.contracts.assignment import PlacementState

from assignment import metrics
from assignment.placements import recalling
from assignment.placements.reading import Placement, read
from assignment.placements.recalling import NewAcknowledgement, NewAcknowledgements, NewDecision
from assignment.placing import running
from assignment.placing.reviewing import review
from assignment.placing.running import NewPlacementRun, PlacementRun

router = Router(prefix="/v1")


class NotAcknowledged(OutputModel):
    """Why one recall was not acknowledged: the members of the problem that a request for it alone would get."""

    placement_id: UUID
    type: str
    detail: str
    state: PlacementState | None


class Acknowledgements(OutputModel):
    acknowledged: list[UUID]
    refused: list[NotAcknowledged]


@router.post("/placement-runs", tags=["placement rules"], dependencies=[writes("assignment")])
async def run_placement(database: ServiceDatabase, new: NewPlacementRun | None = None) -> PlacementRun:
    """Place, recall and end as rules and dates demand. A repeated run changes nothing."""
    new = new or NewPlacementRun()
    if new.as_of is not None:
        await running.expect_all_at(database, new.as_of)
    with metrics.PLACEMENT.run():
        return await running.run(database, new)


@router.post(
    "/placements/{placement_id}/acknowledgement",
    status_code=201,
    dependencies=[writes("assignment", agency=True)],
    tags=["placements"],
)
async def acknowledge(
    placement_id: UUID, tx: WriteTransaction, who: CurrentPrincipal, new: NewAcknowledgement | None = None
) -> Placement:
    """The agency confirms that the work has stopped. The recall is final, and the rules place the contract anew."""
    new = new or NewAcknowledgement()
    recalled, problems = await recalling.acknowledge(tx, [placement_id], new.reason, who)
    for problem in problems.values():
        raise problem
    await review(tx, [row["contract_id"] for row in recalled], {})
    return await read(tx, placement_id, who)


@router.post("/placements/acknowledgements", dependencies=[writes("assignment", agency=True)], tags=["placements"])
async def acknowledge_many(
    new: NewAcknowledgements, request: Request, tx: WriteTransaction, who: CurrentPrincipal
) -> Acknowledgements:
    """The agency confirms that the work on up to 500 contracts has stopped, each for itself.

    A recall that cannot be acknowledged is refused with its reason, and the others are final. Sent again, a recall that
    was acknowledged is refused with ``state: recalled``.
    """
    placement_ids = list(dict.fromkeys(new.placement_ids))
    recalled, problems = await recalling.acknowledge(tx, placement_ids, new.reason, who)
    await review(tx, [row["contract_id"] for row in recalled], {})
    return Acknowledgements(
        acknowledged=[row["placement_id"] for row in recalled],
        refused=[_refused(request, placement_id, problem) for placement_id, problem in problems.items()],
    )


def _refused(request: Request, placement_id: UUID, problem: Problem) -> NotAcknowledged:
    document = in_language_of(request, problem).document()
    return NotAcknowledged(
        placement_id=placement_id, type=document["type"], detail=document["detail"], state=document.get("state")
    )


@router.post(
    "/placements/{placement_id}/objection-decision",
    status_code=201,
    dependencies=[writes("assignment")],
    tags=["placements"],
)
async def decide(placement_id: UUID, new: NewDecision, tx: WriteTransaction, who: CurrentPrincipal) -> Placement:
    """Accept or refuse an objection. Acceptance makes the placement active again.

    Refusal makes the recall final, and the rules place the contract anew.
    """
    decided = await recalling.decide(tx, placement_id, new, who)
    if not new.accepted:
        await review(tx, [decided.contract_id], {})
    return decided
