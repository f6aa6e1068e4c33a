"""Promises of a day, and how many were kept, over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from chassis import CurrentPrincipal, Day, Page, ReadConnection, Router, reads
from chassis.figures import DayFigure
from chassis.periods import WantedPeriod
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import Query

from promises.insight import keeping
from promises.insight.keeping import By, KeptRate, OfWhom

router = Router(prefix="/v1", tags=["insight"])


@router.get("/today", dependencies=[reads("promises")])
async def read_today(reader: ReadConnection, day: Day | None = None) -> list[DayFigure]:
    """Read the promises that are due on a day, by state. Default: the latest business date."""
    return await keeping.figures(reader, day)


@router.get(
    "/insight/promises",
    dependencies=[reads("promises", agency=True)],
    response_model=Page[KeptRate],
    responses=TABLE_RESPONSES,
)
async def read_kept_rates(
    reader: ReadConnection,
    who: CurrentPrincipal,
    period: WantedPeriod,
    table: WantedTable,
    by: By = "agency",
    portfolio_id: UUID | None = None,
    agency_id: Annotated[UUID | None, Query(description="Only promises that this agency took")] = None,
) -> Any:
    """Read how many of the promises due in a period were kept. An agency's token sees the promises it took alone."""
    own = who.agency_id
    found = await keeping.rates(reader, by, period, portfolio_id, own or agency_id, is_agency=own is not None)
    return await table.answer(KeptRate, found, f"promises-by-{by}")


@router.get("/kept-rates", dependencies=[reads("promises", agency=True)])
async def read_rates_of(
    reader: ReadConnection,
    who: CurrentPrincipal,
    period: WantedPeriod,
    by: OfWhom = "agency",
    portfolio_id: UUID | None = None,
) -> Page[KeptRate]:
    """Read how many promises each agent, each agency or the contracts of each segment have kept in a period."""
    return await keeping.rates(reader, by, period, portfolio_id, who.agency_id, is_agency=who.agency_id is not None)
