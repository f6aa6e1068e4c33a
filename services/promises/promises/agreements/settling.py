"""A fulfilled agreement is settled once its payments are final: only then the creditor gives up the discount.

A payment is final when a file of the creditor has absorbed it, or when ``posting_lag_days`` have passed after its day
without a reversal.
"""

from collections.abc import Sequence
from uuid import UUID

from projections import contracts
from recobro_events import Database, Row, Transaction
from recobro_events.contracts.promises import AgreementSettled

from promises import metrics
from promises.agreements import queries
from promises.agreements.cancelling import cancel_proposals

CHUNK_CONTRACTS = 500
EXPIRED = "offer_expired"


def settled_event(row: Row) -> AgreementSettled:
    """Return the event of this row of ``SETTLE``."""
    names = ("contract_id", "agreement_id", "version", "kind", "discount", "currency", "settles_in_full", "made_on")
    return AgreementSettled(
        **{name: row[name] for name in names}, settled_on=row["settled_on"], forgiven=row["forgiven"]
    )


async def settle(tx: Transaction, contract_ids: Sequence[UUID]) -> int:
    """Settle the agreements of these locked contracts whose payments are final. Return how many."""
    settled = await tx.fetch(queries.SETTLE, list(contract_ids))
    for row in settled:
        tx.publish(settled_event(row))
        tx.after_commit(metrics.SETTLED.labels(row["kind"]).inc)
    return len(settled)


async def settle_final(database: Database) -> int:
    """Settle every agreement whose payments are final. Several processes may do this at once."""
    count = 0
    last: UUID | None = None
    while True:
        async with database.connection() as connection:
            found = [row["contract_id"] for row in await connection.fetch(queries.FINAL, last, CHUNK_CONTRACTS)]
        if not found:
            return count
        async with database.transaction(bulk=True) as tx:
            await contracts.lock(tx, found)
            count += await settle(tx, found)
        last = found[-1]


async def end_expired(database: Database) -> int:
    """Cancel every proposal that can no longer be decided. Return how many."""
    count = 0
    while True:
        async with database.transaction(bulk=True) as tx:
            expired = await tx.fetch(queries.EXPIRED, CHUNK_CONTRACTS)
            if not expired:
                return count
            await contracts.lock(tx, [row["contract_id"] for row in expired])
            await cancel_proposals(tx, [row["agreement_id"] for row in expired], EXPIRED)
            count += len(expired)


async def report_undecided(database: Database) -> None:
    """Report since when the oldest proposal has waited for a second person."""
    async with database.connection() as connection:
        since = await connection.fetchval(queries.UNDECIDED_SINCE)
    metrics.UNDECIDED_SINCE.set(since.timestamp() if since else 0.0)
