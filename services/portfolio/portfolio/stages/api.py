"""The daily run, the totals by stage, and pauses of the delinquency clock over HTTP."""

from uuid import UUID

from chassis import Day, Page, PageQuery, ReadConnection, Router, ServiceDatabase, WriteTransaction, reads, writes
from fastapi import Request

from portfolio.portfolios import portfolios
from portfolio.stages import bands, day_totals, pauses, runs, scopes, totals
from portfolio.stages.bands import Bands, NewBands
from portfolio.stages.day_totals import DayTotals
from portfolio.stages.pauses import NewPause, PauseEnd, PauseOutcome
from portfolio.stages.runs import CurrentRun, NewStagingRun, StagingRun, Stop
from portfolio.stages.scopes import NewScopedPause, ScopedPause
from portfolio.stages.totals import StageTotal

router = Router(prefix="/v1")
_WRITES = [writes("portfolio")]


@router.post("/staging-runs", tags=["staging"], dependencies=_WRITES)
async def run_staging(new: NewStagingRun, request: Request, database: ServiceDatabase) -> StagingRun:
    """Move the business date forward day by day, and stage the contracts that are due. A run is safe to repeat.

    The run goes on when the client leaves. 409 ``confirm-future`` names portfolios and days when the day is more than
    one day ahead of today and ``confirm_future`` is not true.
    """
    run_id = await runs.start(database, new)
    request.app.state.stager.wake()
    return await runs.outcome(database, run_id, request.app.state.stopping)


@router.get("/staging-runs/current", tags=["staging"], dependencies=[reads("portfolio")])
async def read_current_run(connection: ReadConnection) -> CurrentRun:
    """Read the staging run that is under way: the oldest one when there are several. 404 when there is none."""
    return await runs.current(connection)


@router.post("/staging-runs/current/stop", tags=["staging"], dependencies=_WRITES)
async def stop_run(tx: WriteTransaction, new: Stop | None = None) -> CurrentRun:
    """Stop the staging run that is under way. It ends with the day on which it works. Days done stay done."""
    return await runs.stop(tx, new or Stop())


@router.get("/stages", tags=["portfolios"], dependencies=[reads("portfolio")])
async def read_stages(connection: ReadConnection, portfolio_id: UUID | None = None) -> list[StageTotal]:
    """Read the totals of open contracts by stage, of one portfolio or of all, as of the business date."""
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await totals.of(connection, portfolio_id)


@router.put("/portfolios/{portfolio_id}/bands", tags=["portfolios"], dependencies=_WRITES)
async def change_bands(portfolio_id: UUID, new: NewBands, tx: WriteTransaction, request: Request) -> Bands:
    """Give a portfolio bands: from which day past due on a contract is in which stage. They hold from a day on.

    If the day has come, the contracts are staged again in the background, with the cause ``bands`` in their history.
    Bands of an earlier day hold until the next later version begins. The past events stay as they were.
    """
    changed = await bands.change(tx, portfolio_id, new)
    tx.after_commit(request.app.state.stager.wake)
    return changed


@router.get("/portfolios/{portfolio_id}/bands", tags=["portfolios"], dependencies=[reads("portfolio")])
async def read_bands(portfolio_id: UUID, connection: ReadConnection, on: Day | None = None) -> Bands:
    """Read the bands that hold on a day, by default the business date, and all versions."""
    return await bands.read(connection, portfolio_id, on)


@router.get("/day-totals", tags=["portfolios"], dependencies=[reads("portfolio")])
async def read_day_totals(connection: ReadConnection, day: Day, portfolio_id: UUID | None = None) -> list[DayTotals]:
    """Read what happened on a day in one portfolio or in all: payments, reversals and clarifications, in totals."""
    if portfolio_id is not None:
        await portfolios.find(connection, portfolio_id)
    return await day_totals.of(connection, day, portfolio_id)


@router.post("/contracts/{contract_id}/pauses", tags=["contracts"], status_code=201, dependencies=_WRITES)
async def start_pause(contract_id: UUID, new: NewPause, tx: WriteTransaction) -> PauseOutcome:
    """Stop the delinquency clock. The pause may begin in the past."""
    return await pauses.start(tx, contract_id, new)


@router.post("/pauses/{pause_id}/end", tags=["contracts"], dependencies=_WRITES)
async def end_pause(pause_id: UUID, tx: WriteTransaction, new: PauseEnd | None = None) -> PauseOutcome:
    """Give a pause its last day, by default the business date. Without a day, a pause not yet begun is called off."""
    return await pauses.end(tx, pause_id, new or PauseEnd())


@router.post("/scoped-pauses", tags=["contracts"], status_code=201, dependencies=_WRITES)
async def start_scoped_pause(new: NewScopedPause, tx: WriteTransaction, request: Request) -> ScopedPause:
    """Pause a person, a portfolio or a postal code: all contracts there, also those that come later.

    Of more than 2,000 contracts the others are paused in the background.
    """
    started = await scopes.start(tx, new)
    if not started.applied:
        tx.after_commit(request.app.state.stager.wake)
    return started


@router.get("/scoped-pauses", tags=["contracts"], dependencies=[reads("portfolio")])
async def list_scoped_pauses(
    query: PageQuery, connection: ReadConnection, creditor_id: UUID | None = None, portfolio_id: UUID | None = None
) -> Page[ScopedPause]:
    """List the pauses of people, portfolios and postal codes: all, a creditor's, or those that a portfolio may have."""
    return await scopes.listed(connection, creditor_id, portfolio_id, query)


@router.get("/scoped-pauses/{pause_id}", tags=["contracts"], dependencies=[reads("portfolio")])
async def read_scoped_pause(pause_id: UUID, connection: ReadConnection) -> ScopedPause:
    """Read a pause of a person, a portfolio or a postal code, and how many contracts have it so far."""
    return await scopes.read(connection, pause_id)


@router.post("/scoped-pauses/{pause_id}/end", tags=["contracts"], dependencies=_WRITES)
async def end_scoped_pause(
    pause_id: UUID, tx: WriteTransaction, request: Request, new: PauseEnd | None = None
) -> ScopedPause:
    """Give such a pause its last day, by default the business date. Without a day, one not yet begun is called off."""
    ended = await scopes.end(tx, pause_id, new or PauseEnd())
    if not ended.applied:
        tx.after_commit(request.app.state.stager.wake)
    return ended
