"""Deciding promises whose time is over: by the watch when a business date has moved, and by a requested check.

Both go through the contracts in chunks. Each chunk is a transaction, so a payment waits for one chunk at most. Several
processes may do this at once: the second process finds nothing left to publish.
"""

from collections import Counter
from datetime import date
from uuid import UUID

from chassis import clock
from chassis.future import ConfirmFuture
from projections import contracts
from recobro_events import TRANSIENT_ERRORS, Database
from recobro_events.contracts.promises import PromiseState

from promises.outcomes import queries
from promises.outcomes.judging import judge

CHUNK_CONTRACTS = 500


async def decide(database: Database) -> Counter[PromiseState]:
    """Decide promises whose time is over on the business dates. Return how many came into each state."""
    return await _in_chunks(database, queries.OVER_ON_BUSINESS_DATE)


async def check(database: Database, as_of: date, *, confirm_future: bool = False) -> Counter[PromiseState]:
    """Decide promises whose time is over on a day. The day counts from now on for every portfolio that is not past it.

    If a check dies halfway, the next check finishes its work. Raises ``ConfirmFuture`` for a day that is far ahead of
    today, unless ``confirm_future`` says that it is meant.
    """
    now = clock.now()
    async with database.transaction() as tx:
        if not confirm_future and (ahead := await tx.fetch(queries.AHEAD, as_of, now)):
            raise ConfirmFuture.of(as_of, ahead)
        await tx.execute(queries.CHECK_UP_TO, as_of, now, confirm_future)
    return await _in_chunks(database, queries.OVER_ON_CHECKED_DAY)


async def _in_chunks(database: Database, over: str) -> Counter[PromiseState]:
    """Decide chunk by chunk. Contracts that fail stop no other contract; the first error is raised after all others."""
    changed: Counter[PromiseState] = Counter()
    failed: list[Exception] = []
    last: UUID | None = None
    while True:
        async with database.connection() as connection:
            contract_ids = [row["contract_id"] for row in await connection.fetch(over, last, CHUNK_CONTRACTS)]
        if not contract_ids:
            break
        try:
            changed += await _decide_together(database, contract_ids)
        except TRANSIENT_ERRORS:
            raise
        except Exception:  # noqa: BLE001 - the contract that fails is found below, and its error raised at the end
            for contract_id in contract_ids:
                try:
                    changed += await _decide_together(database, [contract_id])
                except TRANSIENT_ERRORS:
                    raise
                except Exception as error:  # noqa: BLE001
                    error.add_note(f"contract {contract_id}")
                    failed.append(error)
        last = contract_ids[-1]
    if failed:
        raise failed[0]
    return changed


async def _decide_together(database: Database, contract_ids: list[UUID]) -> Counter[PromiseState]:
    async with database.transaction(bulk=True) as tx:
        await contracts.lock(tx, contract_ids)
        return await judge(tx, dict.fromkeys(contract_ids))
