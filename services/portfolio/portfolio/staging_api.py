"""HTTP in: the daily run."""

from chassis import Router, ServiceDatabase, writes

from portfolio import staging
from portfolio.staging import NewStagingRun, StagingRun

router = Router(prefix="/v1", tags=["staging"])


@router.post("/staging-runs", dependencies=[writes("portfolio")])
async def run_staging(new: NewStagingRun, database: ServiceDatabase) -> StagingRun:
    """Move the business date forward, day by day, and the contracts whose day has come; safe to repeat."""
    return await staging.run(database, new)
