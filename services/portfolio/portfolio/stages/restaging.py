"""Stages the contracts of a portfolio again when its bands have changed, chunk by chunk.

How far a portfolio is restaged is a row, which each chunk moves in its own transaction. So the work goes on after a
death, and the daily run and the stager share it. A contract that changes before its turn is staged by the new bands
first (``locking``).
"""

import json
from uuid import UUID

from recobro_events import SESSION_SETTINGS, Database, Row, Transaction, step
from recobro_events.contracts.portfolio import ContractRevised, StageCause

from portfolio import metrics
from portfolio.ledger.leases import leased
from portfolio.ledger.locking import stage_due
from portfolio.ledger.whole import publish_whole
from portfolio.portfolios import portfolios
from portfolio.stages import bands_queries as queries

CHUNK_CONTRACTS = 2_000


async def finish(database: Database, portfolio_id: UUID, by_time: StageCause = StageCause.DAILY_RUN) -> set[UUID]:
    """Restage what is left of a portfolio, if anything is. Returns the contracts whose stage changed.

    ``by_time`` is the cause where the stage would have changed without new bands.
    """
    changed: set[UUID] = set()
    while (moved := await step(database, lambda tx: restage_chunk(tx, portfolio_id, by_time))) is not None:
        changed |= moved
    return changed


async def restage_chunk(
    tx: Transaction,
    portfolio_id: UUID,
    by_time: StageCause = StageCause.DAILY_RUN,
    chunk_contracts: int = CHUNK_CONTRACTS,
) -> set[UUID] | None:
    """Stage the next contracts by the bands that hold now.

    Returns those whose stage changed; None when none is left.
    """
    day = await portfolios.held_business_date(tx, portfolio_id)
    after = await tx.fetchval(queries.LOCK_RESTAGING, portfolio_id)
    if after is None:
        return None
    rows = await tx.fetch(queries.NEXT_CONTRACTS, portfolio_id, after, chunk_contracts)
    if not rows:
        await tx.execute(queries.RESTAGED_ALL, portfolio_id)
        return None
    to_restage = [row["contract_id"] for row in rows if row["to_restage"]]
    moved = await stage_due(tx, await tx.fetch(queries.STILL_TO_RESTAGE, to_restage), day, cause=by_time)
    # A change of stage has its event. Readers also wait for an event on the next day of change that they know.
    revised = [row for row in moved if row["stage"] == row["was_stage"] and _differs(row)]
    await publish_whole(tx, [row["contract_id"] for row in revised], ContractRevised)
    await tx.execute(queries.RESTAGED_TO, portfolio_id, rows[-1]["contract_number"])
    tx.after_commit(lambda: metrics.RESTAGED.inc(len(moved)))
    return {row["contract_id"] for row in moved if row["stage"] != row["was_stage"]}


def _differs(row: Row) -> bool:
    return any(row[name] != row[f"was_{name}"] for name in ("next_change_on", "overdue_balance"))


async def work_on_one(database: Database) -> bool:
    """Restage the portfolio that waits longest and on which nobody works; False when there is none."""
    async with database.connection() as connection:
        waiting = await connection.fetch(queries.RESTAGINGS)
        metrics.RESTAGING_SINCE.set(await connection.fetchval(queries.OLDEST_RESTAGING))
    for row in waiting:
        async with leased(database, f"restaging:{row['portfolio_id']}") as ours:
            if ours:
                # History names the person who changed the bands.
                before = SESSION_SETTINGS.set({"app.actor": json.dumps(row["actor"])} if row["actor"] else {})
                try:
                    await finish(database, row["portfolio_id"])
                finally:
                    SESSION_SETTINGS.reset(before)
                return True
    return False
