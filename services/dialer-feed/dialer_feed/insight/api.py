"""Live lists, the jobs and figures of a day, and the calls of a period over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from chassis import CurrentPrincipal, Day, Page, ReadConnection, Router, reads
from chassis.figures import DayFigure, DayJob
from chassis.periods import WantedPeriod
from chassis.spoken import speaker_for
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import Query, Request

from dialer_feed.insight import calls, lists
from dialer_feed.insight.calls import By, CallFigures
from dialer_feed.insight.lists import WatchedList

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
