"""Figures of the day, and of the months, over HTTP."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from chassis import Day, Page, PageQuery, ReadConnection, Reader, Router, reads
from chassis.audit import reads_in_bulk
from chassis.figures import DayFigure, DayJob
from chassis.periods import Period, WantedPeriod
from chassis.spoken import speaker_for
from chassis.tables import TABLE_RESPONSES, WantedTable
from fastapi import Depends, Request

from portfolio.insight import movement_queries, recovery, rolling, today, waterfall
from portfolio.insight.recovery import PaymentFilter, RecoveredPayment, Recovery, Vintage
from portfolio.insight.rolling import CureRate, MovedContract, RollRate
from portfolio.insight.waterfall import Movement, MovementFilter, WaterfallStep
from portfolio.movements.rules import Place
from portfolio.portfolios import portfolios

router = Router(prefix="/v1", tags=["insight"])
_READS = [reads("portfolio")]
_A_YEAR = timedelta(days=365)


async def _bounds(
    reader: Reader, portfolio_id: UUID | None, wanted: Period, usual: timedelta | None
) -> tuple[date, date]:
    """Return the period; by default it ends on the business date, and has the usual length."""
    if portfolio_id is not None:
        await portfolios.find(reader, portfolio_id)
    last_known = await reader.fetchval(movement_queries.BUSINESS_DATE, portfolio_id)
    if usual is not None and wanted.first is None and (last := wanted.last or last_known) is not None:
        wanted = Period(last - usual, last)
    return wanted.ending(last_known)


@router.get("/today", dependencies=_READS)
async def read_today(
    connection: ReadConnection, portfolio_id: UUID | None = None, day: Day | None = None
) -> list[DayFigure]:
    """Read what waits for a person: files, disputes, questions about files, letters of no debt, reports of agencies.

    Files count on the day of the clock in the portfolio's zone, disputes on its business date. ``day`` replaces both.
    """
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await today.figures(connection, portfolio_id, day)


@router.get("/jobs", dependencies=_READS)
async def read_jobs(
    request: Request, connection: ReadConnection, portfolio_id: UUID | None = None, day: Day | None = None
) -> list[DayJob]:
    """Read whether each portfolio has been staged up to a day, by default today in the portfolio's zone."""
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await today.jobs(connection, portfolio_id, day, speaker_for(request))


@router.get("/insight/waterfall", dependencies=_READS, response_model=Page[WaterfallStep], responses=TABLE_RESPONSES)
async def read_waterfall(
    connection: ReadConnection, period: WantedPeriod, table: WantedTable, portfolio_id: UUID | None = None
) -> Any:
    """Read how each stage came from its opening to its closing: new, rolled, cured, paid, settled, closed, corrected.

    The default is the business date alone. The closing less the opening is the difference from the day before.
    """
    first, last = await _bounds(connection, portfolio_id, period, timedelta(0))
    found = await waterfall.waterfall(connection, portfolio_id, first, last)
    return await table.answer(WaterfallStep, found, "waterfall")


@router.get(
    "/insight/movements",
    dependencies=[*_READS, reads_in_bulk()],
    response_model=Page[Movement],
    responses=TABLE_RESPONSES,
)
async def list_movements(
    connection: ReadConnection,
    wanted: Annotated[MovementFilter, Depends()],
    period: WantedPeriod,
    query: PageQuery,
    table: WantedTable,
) -> Any:
    """List the contracts whose stage or balances changed in a period, such as those behind a step of the waterfall."""
    first, last = await _bounds(connection, wanted.portfolio_id, period, timedelta(0))
    found = await waterfall.movements(connection, wanted, first, last, query)
    return await table.answer(Movement, found, "movements")


@router.get("/insight/roll-rates", dependencies=_READS, response_model=Page[RollRate], responses=TABLE_RESPONSES)
async def read_roll_rates(
    connection: ReadConnection,
    period: WantedPeriod,
    table: WantedTable,
    by: rolling.By = "month",
    portfolio_id: UUID | None = None,
) -> Any:
    """Read where the contracts of each stage stand at the end of a month or day. Default: the last twelve months."""
    first, last = await _bounds(connection, portfolio_id, period, _A_YEAR if by == "month" else None)
    return await table.answer(
        RollRate, await rolling.roll_rates(connection, by, portfolio_id, first, last), f"roll-rates-by-{by}"
    )


@router.get("/insight/cure-rates", dependencies=_READS, response_model=Page[CureRate], responses=TABLE_RESPONSES)
async def read_cure_rates(
    connection: ReadConnection, period: WantedPeriod, table: WantedTable, portfolio_id: UUID | None = None
) -> Any:
    """Read how many delinquent contracts became current or were settled, by month. Default: the last twelve months."""
    first, last = await _bounds(connection, portfolio_id, period, _A_YEAR)
    found = await rolling.cure_rates(connection, portfolio_id, first, last)
    return await table.answer(CureRate, found, "cure-rates")


@router.get(
    "/insight/moved-contracts",
    dependencies=[*_READS, reads_in_bulk()],
    response_model=Page[MovedContract],
    responses=TABLE_RESPONSES,
)
async def list_moved_contracts(
    connection: ReadConnection,
    portfolio_id: UUID,
    month: Day,
    from_stage: Place,
    to_stage: Place,
    query: PageQuery,
    table: WantedTable,
) -> Any:
    """List the contracts behind a roll rate: those that began the month in one stage and ended it in the other."""
    await portfolios.find(connection, portfolio_id)
    found = await rolling.moved_contracts(connection, portfolio_id, month, from_stage, to_stage, query)
    return await table.answer(MovedContract, found, "moved-contracts")


@router.get("/insight/recovery", dependencies=_READS, response_model=Page[Recovery], responses=TABLE_RESPONSES)
async def read_recovery(
    connection: ReadConnection,
    period: WantedPeriod,
    table: WantedTable,
    by: recovery.By = "age",
    portfolio_id: UUID | None = None,
) -> Any:
    """Read what was recovered in a period, by days past due, stage, day or month."""
    first, last = await _bounds(connection, portfolio_id, period, None)
    found = await recovery.recovered(connection, by, portfolio_id, first, last)
    return await table.answer(Recovery, found, f"recovery-by-{by}")


@router.get("/insight/vintages", dependencies=_READS, response_model=Page[Vintage], responses=TABLE_RESPONSES)
async def read_vintages(
    connection: ReadConnection, period: WantedPeriod, table: WantedTable, portfolio_id: UUID | None = None
) -> Any:
    """Read the recovery curve of each month of hand-over in the period. Default: the last twelve months."""
    first, last = await _bounds(connection, portfolio_id, period, _A_YEAR)
    found = await recovery.vintages(connection, portfolio_id, first, last)
    return await table.answer(Vintage, found, "vintages")


@router.get(
    "/insight/payments",
    dependencies=[*_READS, reads_in_bulk()],
    response_model=Page[RecoveredPayment],
    responses=TABLE_RESPONSES,
)
async def list_recovered_payments(
    connection: ReadConnection,
    wanted: Annotated[PaymentFilter, Depends()],
    period: WantedPeriod,
    query: PageQuery,
    table: WantedTable,
) -> Any:
    """List the payments and reversals behind a figure of recovery."""
    first, last = await _bounds(connection, wanted.portfolio_id, period, None)
    found = await recovery.payments(connection, wanted, first, last, query)
    return await table.answer(RecoveredPayment, found, "payments")
