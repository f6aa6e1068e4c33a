"""Since when each portfolio had which business date, as this service learned it."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.portfolio import PortfolioStateChanged

# The kept date counts, since a business date never moves back.
_KEEP = """
INSERT INTO business_day (portfolio_id, business_date)
SELECT portfolio_id, business_date FROM portfolio
WHERE portfolio_id = ANY ($1::uuid[]) AND business_date IS NOT NULL
ON CONFLICT DO NOTHING
"""


async def keep(tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
    """Keep the moment at which a new business date of these portfolios was heard of."""
    await tx.execute(_KEEP, [event.portfolio_id for event in events])
