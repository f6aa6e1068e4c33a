"""Agencies side by side over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from chassis import CurrentPrincipal, Page, ReadConnection, Router, reads
from chassis.figures import DayFigure
from chassis.periods import WantedPeriod
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import Query

from assignment.insight import agencies
from assignment.insight.agencies import AgencyCommissions, AgencyPlacements, RecallReason

router = Router(prefix="/v1", tags=["insight"])
_AGENCIES_READ = [reads("assignment", agency=True)]
Agency = Annotated[UUID | None, Query(description="Only this agency. An agency's token sees itself alone")]


@router.get("/today", dependencies=[reads("assignment")])
async def read_today(reader: ReadConnection) -> list[DayFigure]:
    """Read what waits now: recalls that are not final, and objections that nobody has decided."""
    return await agencies.figures(reader)


@router.get(
    "/insight/placements", dependencies=_AGENCIES_READ, response_model=Page[AgencyPlacements], responses=TABLE_RESPONSES
)
async def compare_placements(
    reader: ReadConnection, who: CurrentPrincipal, period: WantedPeriod, table: WantedTable, agency_id: Agency = None
) -> Any:
    """Compare agencies by the placements that began, were recalled or ended in a period."""
    found = await agencies.placements(reader, period, who.agency_id or agency_id)
    return await table.answer(AgencyPlacements, found, "placements-by-agency")


@router.get(
    "/insight/recalls", dependencies=_AGENCIES_READ, response_model=Page[RecallReason], responses=TABLE_RESPONSES
)
async def compare_recalls(
    reader: ReadConnection, who: CurrentPrincipal, period: WantedPeriod, table: WantedTable, agency_id: Agency = None
) -> Any:
    """Compare agencies by the reasons of the recalls that became final in a period."""
    found = await agencies.recalls(reader, period, who.agency_id or agency_id)
    return await table.answer(RecallReason, found, "recalls-by-agency")


@router.get(
    "/insight/commissions",
    dependencies=_AGENCIES_READ,
    response_model=Page[AgencyCommissions],
    responses=TABLE_RESPONSES,
)
async def compare_commissions(
    reader: ReadConnection, who: CurrentPrincipal, period: WantedPeriod, table: WantedTable, agency_id: Agency = None
) -> Any:
    """Compare agencies by what they recovered and earned in a period."""
    found = await agencies.commissions(reader, period, who.agency_id or agency_id)
    return await table.answer(AgencyCommissions, found, "commissions-by-agency")
