"""Gives the contracts of a scope their pause, chunk by chunk, and the contracts that a file brings into a scope.

How far a pause is applied is a column, which each chunk moves in its own transaction. So the work goes on after a
death.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from recobro_events import SESSION_SETTINGS, Database, Row, Transaction, step
from recobro_events.contracts.portfolio import ContractPaused, ContractResumed, StageCause

from portfolio import metrics
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.leases import leased
from portfolio.ledger.locking import lock_for_changes
from portfolio.stages import scopes_queries as queries

CHUNK_CONTRACTS = 2_000


async def apply_chunk(tx: Transaction, pause_id: UUID, chunk_contracts: int | None = None) -> bool:
    """Give the next contracts of the scope the pause as it is now, and publish it. Returns False when all have it."""
    most = chunk_contracts or CHUNK_CONTRACTS
    pause = await tx.fetchrow(queries.LOCK_UNAPPLIED, pause_id)
    if pause is None:
        return False
    statement = queries.NEXT_CONTRACTS[pause["kind"]]
    ids = [row["contract_id"] for row in await tx.fetch(statement, pause["scope_id"], pause["applied_to"], most)]
    await lock_for_changes(tx, ids)
    rows = await tx.fetch(queries.APPLY, pause_id, ids)
    positions = await record_each(tx, StageCause.PAUSE, [_change(row, pause_id) for row in rows])
    versions = [positions[row["contract_id"]]["version"] for row in rows]
    await tx.execute(queries.SET_VERSIONS, [row["pause_id"] for row in rows], versions)
    await tx.execute(queries.APPLIED_TO, pause_id, ids[-1] if len(ids) == most else None)
    return len(ids) == most


def _change(row: Row, scoped_pause_id: UUID) -> Change:
    days = {name: row[name] for name in ("pause_id", "starts_on", "ends_on")}
    event_type = ContractPaused if row["begins"] else ContractResumed
    kind = "paused" if row["begins"] else "resumed"

    def event(fields: Mapping[str, Any]) -> ContractPaused | ContractResumed:
        return event_type(**fields, **days, pause_version=fields["version"])

    data = days | {"reason": row["reason"], "scoped_pause_id": scoped_pause_id}
    summary = f"{kind}: {row['starts_on']} to {row['ends_on'] or 'open end'}"
    return Change(event, Line(row["contract_id"], kind, summary, data))


async def join_scopes(tx: Transaction, creditor_id: UUID, contract_ids: Collection[UUID]) -> None:
    """Pause contracts that a file brings into a paused scope. Their whole state is published next."""
    if contract_ids and await tx.fetchval(queries.ANY_SCOPE, creditor_id):
        await tx.execute(queries.JOIN_SCOPES, list(contract_ids))


async def work_on_one(database: Database) -> bool:
    """Apply the oldest pause on which nobody works; False when there is none."""
    async with database.connection() as connection:
        waiting = await connection.fetch(queries.UNAPPLIED)
    metrics.PAUSES_UNAPPLIED.set(len(waiting))
    for row in waiting:
        async with leased(database, f"pausing:{row['pause_id']}") as ours:
            if ours:
                # History names the person who paused the scope.
                before = SESSION_SETTINGS.set({"app.actor": json.dumps(row["actor"])} if row["actor"] else {})
                try:
                    while await step(database, lambda tx: apply_chunk(tx, row["pause_id"])):  # noqa: B023
                        pass
                finally:
                    SESSION_SETTINGS.reset(before)
                return True
    return False
