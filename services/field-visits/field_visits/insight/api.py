"""The visits of a day and of a period over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from chassis import CurrentPrincipal, Day, Page, ReadConnection, Router, reads
from chassis.figures import DayFigure
from chassis.periods import WantedPeriod
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import Query

from field_visits.insight import visits
from field_visits.insight.visits import By, VisitFigures

router = Router(prefix="/v1", tags=["insight"])


@router.get("/today", dependencies=[reads("field-visits")])
async def read_today(reader: ReadConnection, day: Day | None = None) -> list[DayFigure]:
    """Read the visits of a day by state. Default: the latest business date."""
    return await visits.figures(reader, day)


@router.get(
    "/insight/visits",
    dependencies=[reads("field-visits", agency=True)],
    response_model=Page[VisitFigures],
    responses=TABLE_RESPONSES,
)
async def compare_visits(
    reader: ReadConnection,
    who: CurrentPrincipal,
    period: WantedPeriod,
    table: WantedTable,
    by: By = "agency",
    agency_id: Annotated[UUID | None, Query(description="Only visits of this agency")] = None,
) -> Any:
    """Compare agencies, visitors or days by their visits. An agency's token sees its own visits alone."""
    own = who.agency_id
    found = await visits.compared(reader, by, period, own or agency_id, is_agency=own is not None)
    return await table.answer(VisitFigures, found, f"visits-by-{by}")
