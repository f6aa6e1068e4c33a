"""Publishes that a contract changes its stage soon: once for each day of change, by the business date."""

from uuid import UUID

from recobro_events import Transaction

from portfolio.ledger.positions import announce
from portfolio.portfolios import portfolios
from portfolio.stages import nearing_queries as queries

CHUNK_CONTRACTS = 2_000


async def publish_chunk(tx: Transaction, portfolio_id: UUID) -> bool:
    """Publish the next contracts whose stage changes soon. Returns False when none is left."""
    day = await portfolios.held_business_date(tx, portfolio_id)
    near = await tx.fetch(queries.NEAR, portfolio_id, day, CHUNK_CONTRACTS)
    if not near:
        return False
    ids = [row["contract_id"] for row in near]
    # Before the rows were locked, a payment may have put the change off, or another run may have published it.
    await tx.fetch(queries.LOCK, ids)
    await announce(tx, ids, day)
    return True
