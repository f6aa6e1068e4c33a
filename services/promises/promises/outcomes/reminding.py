"""Saying that open promises are due soon, once for each: a reminder is worth most on the day before.

The promise watch does this when a business date has moved. A promise that was made for the next day has been spoken of
today, so nothing is said about it.
"""

from uuid import UUID

from projections import contracts
from recobro_events import Database, Transaction
from recobro_events.contracts.promises import PromiseDueSoon

from promises.outcomes import queries

CHUNK_CONTRACTS = 500


async def remind(database: Database) -> int:
    """Publish PromiseDueSoon for every open promise that is due on the next day. Return how many."""
    count = 0
    last: UUID | None = None
    while True:
        async with database.connection() as connection:
            found = [row["contract_id"] for row in await connection.fetch(queries.DUE_SOON, last, CHUNK_CONTRACTS)]
        if not found:
            return count
        async with database.transaction(bulk=True) as tx:
            await contracts.lock(tx, found)
            count += await _say(tx, found)
        last = found[-1]


async def _say(tx: Transaction, contract_ids: list[UUID]) -> int:
    said = await tx.fetch(queries.SAY_DUE_SOON, contract_ids)
    for row in said:
        tx.publish(
            PromiseDueSoon(
                contract_id=row["contract_id"],
                promise_id=row["promise_id"],
                version=row["version"],
                due_on=row["due_on"],
                silent_until=row["silent_until"],
                promised=row["amount"],
                paid=row["paid"],
                currency=row["currency"],
                agreement_id=row["agreement_id"],
            )
        )
    return len(said)
