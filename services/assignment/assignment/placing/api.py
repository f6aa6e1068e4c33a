"""Placement runs over HTTP."""

from chassis import Router, ServiceDatabase, writes

from assignment import metrics
from assignment.placing import running
from assignment.placing.running import NewPlacementRun, PlacementRun

router = Router(prefix="/v1", tags=["placement rules"])


@router.post("/placement-runs", dependencies=[writes("assignment")])
async def run_placement(database: ServiceDatabase, new: NewPlacementRun | None = None) -> PlacementRun:
    """Place, recall and end as rules and dates demand. A repeated run changes nothing."""
    new = new or NewPlacementRun()
    if new.as_of is not None:
        await running.expect_all_at(database, new.as_of)
    with metrics.PLACEMENT.run():
        return await running.run(database, new)
