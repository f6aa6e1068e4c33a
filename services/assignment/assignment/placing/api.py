"""Placement runs, and the steps that make a recall final, over HTTP."""

from uuid import UUID

from chassis import CurrentPrincipal, Router, ServiceDatabase, WriteTransaction, writes

from assignment import metrics
from assignment.placements import recalling
from assignment.placements.reading import Placement
from assignment.placements.recalling import NewAcknowledgement, NewDecision
from assignment.placing import running
from assignment.placing.reviewing import review
from assignment.placing.running import NewPlacementRun, PlacementRun

router = Router(prefix="/v1")


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
    recalled = await recalling.acknowledge(tx, placement_id, new or NewAcknowledgement(), who)
    await review(tx, [recalled.contract_id], {})
    return recalled


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
