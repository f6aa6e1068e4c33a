"""Copies of personal data that files leave expire: rejected rows, and files that nobody confirms."""

import asyncio
from functools import partial

import structlog
from recobro_events import TRANSIENT_ERRORS, Database, Transaction, step

from portfolio import metrics
from portfolio.files import landing_queries, queries
from portfolio.files.uploads import COPIES_DAYS

_STEP_ROWS = 1_000
_EVERY_SECONDS = 600.0
_NEVER_CONFIRMED = f"Nobody confirmed this file within {COPIES_DAYS} days. Its rows were deleted."
_log = structlog.get_logger(__name__)


async def expire(database: Database) -> None:
    """Delete rejected rows, and what waits for them, 30 days after the file. Fail files that have waited so long."""
    while await step(database, _forget_rejects) == _STEP_ROWS:
        pass
    await step(database, _forget_waiting)
    while await step(database, _fail_unconfirmed):
        pass


async def _forget_rejects(tx: Transaction) -> int:
    return int((await tx.execute(queries.EXPIRE_REJECTS, COPIES_DAYS, _STEP_ROWS)).rpartition(" ")[2])


async def _forget_waiting(tx: Transaction) -> None:
    for statement in landing_queries.EXPIRE_STAGED:
        await tx.execute(statement, COPIES_DAYS)


async def _fail_unconfirmed(tx: Transaction) -> bool:
    file = await tx.fetchrow(queries.UNCONFIRMED, COPIES_DAYS)
    if file is None:
        return False
    seconds = await tx.fetchval(queries.FAIL, file["file_id"], "not_confirmed", _NEVER_CONFIRMED)
    for table in (*landing_queries.STAGING_TABLES, "file_reject", "file_part"):
        await tx.execute(landing_queries.DELETE_ROWS.format(table=table), file["file_id"])
    tx.after_commit(partial(metrics.file_ended, "refused", seconds))
    return True


async def for_ever(database: Database) -> None:
    """Let copies expire until this is cancelled. A defect of ours is raised."""
    while True:
        try:
            await expire(database)
        except TRANSIENT_ERRORS:
            _log.warning("copies_not_expired", exc_info=True)
        await asyncio.sleep(_EVERY_SECONDS)
