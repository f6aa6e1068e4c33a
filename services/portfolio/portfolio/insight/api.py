"""Figures of the day and of the months over HTTP."""

from uuid import UUID

from chassis import Day, ReadConnection, Router, reads
from chassis.figures import DayJob, Figure

from portfolio.insight import today
from portfolio.portfolios import portfolios

router = Router(prefix="/v1", tags=["insight"])
_READS = [reads("portfolio")]


@router.get("/today", dependencies=_READS)
async def read_today(
    connection: ReadConnection, portfolio_id: UUID | None = None, day: Day | None = None
) -> list[Figure]:
    """Read what waits for a person: files, disputes, questions about files, reports of agencies.

    Files count on the day of the clock in the portfolio's zone, disputes on its business date. ``day`` replaces both.
    """
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await today.figures(connection, portfolio_id, day)


@router.get("/jobs", dependencies=_READS)
async def read_jobs(
    connection: ReadConnection, portfolio_id: UUID | None = None, day: Day | None = None
) -> list[DayJob]:
    """Read whether each portfolio has been staged up to a day, by default today in the portfolio's zone."""
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await today.jobs(connection, portfolio_id, day)
