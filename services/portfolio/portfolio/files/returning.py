"""The creditor takes a portfolio back: its open contracts are closed as ``returned``, and no file is loaded any more.

Closing takes contracts off lists, recalls placements, and cancels promises and visits, as every closing does. Payments
that arrive afterwards are booked: their debts are known here.
"""

from datetime import datetime
from functools import partial
from uuid import UUID

from chassis import Conflict, InputModel, OutputModel, Text
from recobro_events import Database, Transaction, step
from recobro_events.contracts.portfolio import StageCause

from portfolio.files import comparing, queries
from portfolio.ledger import history
from portfolio.ledger.changes import record_whole
from portfolio.portfolios import portfolios
from portfolio.portfolios import queries as portfolio_queries

CHUNK_CONTRACTS = 500
MOST_CHUNKS = 20
"""A request closes at most so many chunks. It is sent again while contracts are left."""
_RETURNED = "UPDATE contract SET state = 'returned', undecided_by = NULL WHERE contract_id = ANY($1::uuid[])"
_LOCK_OPEN = """
SELECT contract_id, undecided_by FROM contract WHERE portfolio_id = $1 AND state = 'open'
ORDER BY contract_id LIMIT $2 FOR UPDATE
"""
_LEFT = "SELECT count(*) FROM contract WHERE portfolio_id = $1 AND state = 'open'"


class NewReturn(InputModel):
    """Why the creditor takes the portfolio back, such as the end of the mandate."""

    reason: Text


class PortfolioReturn(OutputModel):
    """This request has closed ``closed`` contracts. Send it again while contracts are ``left``."""

    portfolio_id: UUID
    returned_at: datetime
    reason: str
    closed: int
    left: int


async def give_back(database: Database, portfolio_id: UUID, new: NewReturn) -> PortfolioReturn:
    """Close the portfolio, and then its open contracts in chunks, each in its own transaction.

    A repeated request goes on where the one before ended; time and reason stay those of the first. Raises
    ``PortfolioUnknown``, and ``Conflict`` while files of the portfolio wait or are loaded.
    """
    async with database.transaction() as tx:
        await portfolios.locked(tx, portfolio_id)
        if await tx.fetchval(queries.WAITING, portfolio_id):
            raise Conflict(
                "Files of this portfolio wait or are being loaded. Refuse them or wait for them.", code="files-waiting"
            )
        portfolio = await tx.fetchrow(portfolio_queries.RETURN, portfolio_id, new.reason)
        assert portfolio is not None
    reason: str = portfolio["return_reason"]
    closed = 0
    for _ in range(MOST_CHUNKS):
        chunk = await step(database, partial(close_chunk, portfolio_id=portfolio_id, reason=reason))
        closed += chunk
        if chunk < CHUNK_CONTRACTS:
            break
    async with database.connection() as connection:
        left = await connection.fetchval(_LEFT, portfolio_id)
    return PortfolioReturn(
        portfolio_id=portfolio_id, returned_at=portfolio["returned_at"], reason=reason, closed=closed, left=left
    )


async def close_chunk(tx: Transaction, portfolio_id: UUID, reason: str) -> int:
    """Close some of the open contracts. Returns how many."""
    day = await tx.fetchval(portfolio_queries.BUSINESS_DATE, portfolio_id)
    contracts = await tx.fetch(_LOCK_OPEN, portfolio_id, CHUNK_CONTRACTS)
    ids = [row["contract_id"] for row in contracts]
    if not ids:
        return 0
    await comparing.forget_set_aside(tx, contracts)
    await tx.execute(queries.FORGET_REFUSALS, ids)
    await tx.execute(_RETURNED, ids)
    await record_whole(tx, StageCause.REVISION, ids, day)
    await history.record_each(
        tx, ids, "returned", f"the creditor takes the portfolio back: {reason}", {"reason": reason}
    )
    return len(ids)
