"""Live lists, the jobs and figures of a day, and the calls of a period over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from chassis import CurrentPrincipal, Day, Page, PageQuery, ReadConnection, Router, ServiceDatabase, reads
from chassis.audit import reads_in_bulk
from chassis.figures import DayFigure, DayJob
from chassis.periods import WantedPeriod
from chassis.spoken import speaker_for
from chassis.tables import TABLE_RESPONSES, WantedTable
from chassis.transactions import act_for_service
from fastapi import Query, Request

from dialer_feed.insight import calls, lists, productivity
from dialer_feed.insight.calls import By, CallFigures
from dialer_feed.insight.lists import WatchedList
from dialer_feed.insight.productivity import Produced, Productivity

router = Router(prefix="/v1", tags=["insight"])
_READS = [reads("dialer-feed")]
_AGENCIES_READ = [reads("dialer-feed", agency=True)]


@router.get("/live-lists", dependencies=_AGENCIES_READ)
async def watch_lists(
    reader: ReadConnection,
    who: CurrentPrincipal,
    day: Annotated[
        Day | None, Query(description="The published lists of this day. Default: those that are live")
    ] = None,
) -> list[WatchedList]:
    """Read every live list at once: entries, withdrawals, their speed, wrongful calls. An agency reads its own."""
    return await lists.watched(reader, day, who.agency_id)


@router.get("/jobs", dependencies=_READS)
async def read_jobs(request: Request, reader: ReadConnection, day: Day | None = None) -> list[DayJob]:
    """Read whether each campaign has its list of a day, by default today in the zone of the campaign's portfolios."""
    return await lists.jobs(reader, day, speaker_for(request))


@router.get("/today", dependencies=_READS)
async def read_today(reader: ReadConnection, day: Day | None = None) -> list[DayFigure]:
    """Read the calls of a business date: how many, whom they reached, what they broke. Default: the latest date."""
    return await lists.figures(reader, day)


@router.get("/insight/calls", dependencies=_AGENCIES_READ, response_model=Page[CallFigures], responses=TABLE_RESPONSES)
async def compare_calls(
    reader: ReadConnection,
    who: CurrentPrincipal,
    period: WantedPeriod,
    table: WantedTable,
    by: By = "agency",
    agency_id: Annotated[
        UUID | None, Query(description="Only calls of this agency; zeros for calls from inside")
    ] = None,
) -> Any:
    """Compare agencies, agents or days by their calls. An agency's token sees its own calls alone."""
    found = await calls.compared(reader, by, period, who.agency_id or agency_id)
    return await table.answer(CallFigures, found, f"calls-by-{by}")


@router.get(
    "/productivity",
    dependencies=[*_AGENCIES_READ, reads_in_bulk()],
    response_model=Productivity,
    responses=TABLE_RESPONSES,
)
async def read_productivity(
    database: ServiceDatabase,
    who: CurrentPrincipal,
    period: WantedPeriod,
    table: WantedTable,
    query: PageQuery,
    by: productivity.By = "agent",
    within_days: Annotated[int, Query(ge=0, le=60, description="A payment counts so many days after a call")] = 7,
    agency_id: Annotated[
        UUID | None, Query(description="Only calls of this agency; zeros for calls from inside")
    ] = None,
) -> Any:
    """Read what calls have brought: attempts, conversations, promises, money, and for which call each counts.

    The period has at most 92 days. An agency's token sees its own calls alone.
    """
    async with database.transaction() as tx:
        await act_for_service(tx)
        found = await productivity.produced(tx, by, period, within_days, who.agency_id or agency_id, query)
    return await table.answer(Produced, found, f"productivity-by-{by}")
