"""Deciding promises whose time is over: by themselves when a business date has moved, and when a check asks for it.

Either goes contract by contract in chunks, each a transaction, so that no payment waits for more than a chunk. Several
processes at it at once do no harm: whoever comes second finds nothing left to say.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

import structlog
from recobro_events import PASSING_TROUBLE, Database, beside
from recobro_events.contracts.promises import PromiseState

from promises import metrics, projection_queries
from promises.outcomes import deciding_queries as queries
from promises.outcomes.judging import judge

CHUNK_CONTRACTS = 500
POLL_SECONDS = 1.0
_AFTER_A_DEFECT_SECONDS = 30.0
log = structlog.get_logger(__name__)


async def decide(database: Database) -> Counter[PromiseState]:
    """Decide what is over on the business dates; how many promises have come into which state."""
    return await _in_chunks(database, queries.OVER_ON_BUSINESS_DATE)


async def check(database: Database, as_of: date) -> Counter[PromiseState]:
    """Decide what is over on a day, which holds from now on for every portfolio that is not past it.

    One that died is finished by the next one.
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
            await projection_queries.lock_contracts(tx, contract_ids)
            changed += await judge(tx, dict.fromkeys(contract_ids))
        last = contract_ids[-1]


class Watch:
    """The task that decides what is over, from ``running`` on, within a second or so. Every process has one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with beside(self._run(), "promise watch"):
            yield

    async def _run(self) -> None:
        while True:
            pause_seconds = POLL_SECONDS
            try:
                with metrics.WATCH.run():
                    await decide(self._database)
            except PASSING_TROUBLE as error:
                log.warning("deciding tried again", error=type(error).__name__)
            except Exception as error:
                # A defect of ours: as loud as it can be, and the promises that it does not touch are decided.
                log.critical("promises not decided", error=type(error).__name__, exc_info=True)
                pause_seconds = _AFTER_A_DEFECT_SECONDS
            await asyncio.sleep(pause_seconds)
