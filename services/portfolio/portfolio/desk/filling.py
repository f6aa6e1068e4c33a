"""Fills worklists in the background: each holds the people whose contracts met its conditions when it was filled last.

A worklist wants to be filled when it is made or changed, and when somebody asks for its next person and it was filled
more than five minutes ago. Nobody waits for that: meanwhile people are given from the last filling, each looked at
anew. Any number of processes may fill, but one worklist is filled by one at a time.
"""

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from chassis import clock
from chassis.background import Kept, polled
from recobro_events import Database, Transaction, step

from portfolio import metrics
from portfolio.desk import queries
from portfolio.desk.conditions import WorklistConditions

LONGEST_SECONDS = 300
"""A statement over all contracts may take longer than others. It keeps nobody waiting."""
_log = structlog.get_logger(__name__)


def kept(database: Database, poll_seconds: float) -> Kept:
    """The task that fills. If it ends, another one goes on: a worklist that was not filled still wants to be."""
    return polled("filling", partial(work, database), poll_seconds)


async def work(database: Database) -> bool:
    """Fill each worklist that wants it, one a transaction. Returns whether any did.

    An error with one worklist is raised when the others have had their turn.
    """
    async with database.connection() as connection:
        waiting = [row["worklist_id"] for row in await connection.fetch(queries.TO_FILL)]
        since = await connection.fetchrow(queries.WAITING_SINCE)
    metrics.WORKLIST_WAITS_SINCE.set(since["to_fill"])
    metrics.ESCALATED_SINCE.set(since["escalated"])
    worked, failed = False, None
    for worklist_id in waiting:
        try:
            worked |= await step(database, lambda tx: fill(tx, worklist_id))  # noqa: B023
        except Exception as error:  # noqa: BLE001 - raised below
            _log.warning("worklist_not_filled", worklist_id=str(worklist_id), error=type(error).__name__)
            failed = error
    if failed is not None:
        raise failed
    return worked


async def fill(tx: Transaction, worklist_id: UUID) -> bool:
    """Fill the worklist with the people who meet its conditions now. Returns False where somebody else fills it.

    Its row is locked only at the end. A change meanwhile makes it want to be filled again; one that was retired is
    emptied.
    """
    if not await tx.fetchval(queries.LOCK_FILLING, str(worklist_id)):
        return False
    began, now = perf_counter(), clock.now()
    worklist = await tx.fetchrow(queries.WANTED, worklist_id)
    if worklist is None:
        return False
    if worklist["active"]:
        await _keep_matching(tx, worklist_id, worklist["conditions"], worklist["portfolio_ids"])
    if not await tx.fetchval(queries.FILLED, worklist_id, now, worklist["wanted_at"]):
        await tx.execute(queries.EMPTY, worklist_id)
    metrics.DESK_FILL_SECONDS.observe(perf_counter() - began)
    return True


async def _keep_matching(
    tx: Transaction, worklist_id: UUID, conditions: dict[str, Any], portfolio_ids: Sequence[UUID] | None
) -> None:
    await tx.execute(queries.LONG, f"{LONGEST_SECONDS}s")
    await tx.connection.execute(queries.REFRESH_RATES, portfolio_ids, timeout=LONGEST_SECONDS)
    arguments: list[Any] = [worklist_id, portfolio_ids]
    matches = queries.matching(WorklistConditions.model_validate(conditions), queries.adding_to(arguments))
    await tx.connection.execute(queries.fill(matches), *arguments, timeout=LONGEST_SECONDS)
