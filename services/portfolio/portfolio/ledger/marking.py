"""Marks contracts to be judged anew. ``positions`` marks those whose position is stored; ``strategy`` judges them."""

from collections.abc import Collection
from uuid import UUID

from recobro_events import Transaction

_MARK = """
INSERT INTO judging_mark (portfolio_id, contract_id)
SELECT portfolio_id, contract_id FROM contract WHERE contract_id = ANY($1::uuid[])
"""


async def mark(tx: Transaction, contract_ids: Collection[UUID]) -> None:
    """Have these contracts judged soon: a fact beside their position has changed. Nobody waits for a mark."""
    if contract_ids:
        await tx.execute(_MARK, list(contract_ids))
