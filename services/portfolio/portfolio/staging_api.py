"""HTTP in: the daily run."""

from chassis import Router, ServiceDatabase, writes

from portfolio import metrics, staging
from portfolio.staging import NewStagingRun, StagingRun

router = Router(prefix="/v1", tags=["staging"])


@router.post("/staging-runs", dependencies=[writes("portfolio")])
async def run_staging(new: NewStagingRun, database: ServiceDatabase) -> StagingRun:
    """Move the business date forward, day by day, and the contracts whose day has come; safe to repeat."""
    with (metrics.STAGING if new.portfolio_id is None else metrics.STAGING_OF_ONE).run():
        return await staging.run(database, new)
