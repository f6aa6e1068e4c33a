"""Deciding promises whose time is over: by the watch when a business date has moved, and by a requested check.

Both go through the contracts in chunks. Each chunk is a transaction, so a payment waits for one chunk at most. Several
processes may do this at once: the second process finds nothing left to publish.
"""

from collections import Counter
from datetime import date
from uuid import UUID

from projections import contracts
from recobro_events import Database
from recobro_events.contracts.promises import PromiseState

from promises.outcomes import queries
from promises.outcomes.judging import judge

CHUNK_CONTRACTS = 500


async def decide(database: Database) -> Counter[PromiseState]:
    """Decide promises whose time is over on the business dates. Return how many came into each state."""
    return await _in_chunks(database, queries.OVER_ON_BUSINESS_DATE)


async def check(database: Database, as_of: date) -> Counter[PromiseState]:
    """Decide promises whose time is over on a day. The day counts from now on for every portfolio that is not past it.

    If a check dies halfway, the next check finishes its work.
    """
    async with database.transaction() as tx:
        await tx.execute(queries.CHECK_UP_TO, as_of)
    return await _in_chunks(database, queries.OVER_ON_CHECKED_DAY)


async def _in_chunks(database: Database, over: str) -> Counter[PromiseState]:
    changed: Counter[PromiseState] = Counter()
    last: UUID | None = None
    while True:
        async with database.connection() as connection:
            contract_ids = [row["contract_id"] for row in await connection.fetch(over, last, CHUNK_CONTRACTS)]
        if not contract_ids:
            return changed
        async with database.transaction(bulk=True) as tx:
            await contracts.lock(tx, contract_ids)
            changed += await judge(tx, dict.fromkeys(contract_ids))
        last = contract_ids[-1]
