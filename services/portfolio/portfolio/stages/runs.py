"""Staging runs: they are asked for, worked on, watched and stopped.

A run is a row. ``Stager`` works on it in the background, so it goes on when its client leaves, and another process
continues it when its process dies. A day that is staged stays staged, whatever becomes of the run.
"""

import asyncio
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import structlog
from chassis import Conflict, Day, InputModel, NotFound, OutputModel, Problem, Reader, Unavailable, clock
from chassis.future import ConfirmFuture
from recobro_events import TRANSIENT_ERRORS, Database, Row, Transaction, step
from recobro_events.contracts.portfolio import Stage

from portfolio import metrics
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.stages import daily_run, runs_queries, totals

KEPT_DAYS = 90
_POLL_SECONDS = 0.1
_log = structlog.get_logger(__name__)


class NewStagingRun(InputModel):
    """``confirm_future`` is needed for a day that is more than one day ahead of today."""

    as_of: Day
    portfolio_id: UUID | None = None
    confirm_future: bool = False


class StagingRun(OutputModel):
    """``changed`` counts contracts whose stage changed. ``by_stage`` counts the open contracts of each stage."""

    as_of: date
    changed: int
    by_stage: dict[Stage, int]


class CurrentRun(OutputModel):
    """A run that is not over. ``portfolios_left`` are not yet staged up to its day, the furthest by ``days_left``.

    A run that is ``stopping`` ends when the day on which it works is staged. ``changed`` counts the portfolios that are
    done.
    """

    run_id: UUID
    as_of: date
    portfolio_id: UUID | None
    state: Literal["running", "stopping"]
    changed: int
    portfolios_left: int
    days_left: int
    started_at: datetime
    started_by: ActorOfChange


class Stop(InputModel):
    """``run_id``: only this run is stopped, and not the next one if it has just ended."""

    run_id: UUID | None = None


class NoStagingRun(NotFound):
    code = "no-staging-run"
    detail = "No staging run is under way."


class StagingStopped(Conflict):
    code = "staging-stopped"
    detail = "The run was stopped. The days that are staged stay staged."


class StagingFailed(Problem):
    code = "staging-failed"
    detail = "Staging failed; the service's log says why. The days that are staged stay staged. Run it again."


async def start(database: Database, new: NewStagingRun) -> UUID:
    """Start a run of one portfolio, or of all that have had a file. Returns its id.

    Raises ``PortfolioUnknown``, and ``ConfirmFuture`` for a day that is far ahead of today.
    """
    async with database.transaction() as tx:
        if new.portfolio_id is not None:
            await portfolios.find(tx, new.portfolio_id)
        chosen = await tx.fetch(runs_queries.CHOSEN, new.as_of, new.portfolio_id, clock.now())
        if not new.confirm_future and (ahead := [row for row in chosen if row["ahead"]]):
            raise ConfirmFuture.of(new.as_of, ahead)
        chosen_ids = [row["portfolio_id"] for row in chosen]
        run_id: UUID = await tx.fetchval(runs_queries.ADD, new.as_of, new.portfolio_id, chosen_ids)
    return run_id


async def outcome(database: Database, run_id: UUID, stopping: asyncio.Event) -> StagingRun:
    """Wait until the run is over and return what it did. Nothing depends on this wait: the caller may stop waiting.

    Raises ``StagingStopped``, ``StagingFailed``, and ``Unavailable`` when this process ends first.
    """
    while True:
        async with database.connection() as connection:
            run = await connection.fetchrow(runs_queries.RUN, run_id)
            if run is not None and run["state"] == "done":
                by_stage = await totals.of(connection, run["portfolio_id"])
                return StagingRun(
                    as_of=run["as_of"],
                    changed=run["changed"],
                    by_stage={total.stage: total.contracts for total in by_stage},
                )
        if run is None or run["state"] == "failed":
            raise StagingFailed()
        if run["state"] == "stopped":
            raise StagingStopped()
        if stopping.is_set():
            raise Unavailable("This process ends. The run goes on: read /v1/staging-runs/current.")
        await asyncio.sleep(_POLL_SECONDS)


async def current(reader: Reader) -> CurrentRun:
    """Return the oldest run that is not over. Raises ``NoStagingRun``."""
    row = await reader.fetchrow(runs_queries.CURRENT)
    if row is None:
        raise NoStagingRun()
    return CurrentRun.model_validate(dict(row))


async def stop(tx: Transaction, new: Stop) -> CurrentRun:
    """Let the oldest run end with the day on which it works. A run that is stopping already stays so.

    Raises ``NoStagingRun`` when it is over, or is not the run that is named.
    """
    run_id = new.run_id or (await current(tx)).run_id
    if not await tx.fetchval(runs_queries.ASK_TO_STOP, run_id):
        raise NoStagingRun()
    row = await tx.fetchrow(runs_queries.UNFINISHED_RUN, run_id)
    assert row is not None
    return CurrentRun.model_validate(dict(row))


async def work(database: Database, run: Row) -> None:
    """Work on a run until it is over. A portfolio that fails stops no other one."""
    run_id = run["run_id"]
    try:
        with (metrics.STAGING if run["portfolio_id"] is None else metrics.STAGING_OF_ONE).run():
            await _stage_all(database, run)
        state = "done"
    except StagingStopped:
        state = "stopped"
    except TRANSIENT_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - a defect ends this run, and no other one
        _log.exception("staging_failed", run_id=str(run_id))
        state = "failed"
    await step(database, lambda tx: tx.execute(runs_queries.END, run_id, state))
    await step(database, lambda tx: tx.execute(runs_queries.FORGET, KEPT_DAYS))
    _log.info("staging_ended", run_id=str(run_id), as_of=str(run["as_of"]), state=state)


async def _stage_all(database: Database, run: Row) -> None:
    failed: list[Exception] = []
    run_id = run["run_id"]

    async def goes_on() -> bool:
        async with database.connection() as connection:
            return not await connection.fetchval(runs_queries.IS_TO_STOP, run_id)

    for portfolio_id in run["portfolio_ids"]:
        try:
            changed = await daily_run.advance(database, portfolio_id, run["as_of"], goes_on=goes_on)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001
            error.add_note(f"portfolio {portfolio_id}")
            failed.append(error)
            continue
        await step(database, lambda tx: tx.execute(runs_queries.COUNT, run_id, changed))  # noqa: B023
        if not await goes_on():
            break
    if failed:
        raise failed[0]
    async with database.connection() as connection:
        if await connection.fetchval(runs_queries.FALLS_SHORT, run_id):
            raise StagingStopped()
