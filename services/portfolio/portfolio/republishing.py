"""Republishes portfolios and contracts, for a service that is being rebuilt or for all services after a restore.

Portfolios come first, then every contract with all its facts, and its attempts that still count. Nothing changes by it.
"""

from uuid import UUID

from recobro_events import Lane, Source, Transaction
from recobro_events.tracing import current_traceparent

from portfolio.debtors.attempts_queries import REPUBLISH_ATTEMPTS
from portfolio.ledger.whole import republish_whole
from portfolio.portfolios import portfolios

CHUNK_CONTRACTS = 500
_BEFORE_ALL = UUID(int=0)
_PORTFOLIOS = "SELECT portfolio_id FROM portfolio ORDER BY portfolio_id FOR UPDATE"
_NEXT = "SELECT contract_id FROM contract WHERE contract_id > $1 ORDER BY contract_id LIMIT $2 FOR SHARE"


async def republish(tx: Transaction, after: str) -> str | None:
    """Republish the next contracts by id after this one, or all portfolios when ``after`` is empty.

    Returns the last id; None at the end.
    """
    if not after:
        for row in await tx.fetch(_PORTFOLIOS):
            await portfolios.republish_state(tx, row["portfolio_id"])
        return str(_BEFORE_ALL)
    contract_ids = [row["contract_id"] for row in await tx.fetch(_NEXT, UUID(after), CHUNK_CONTRACTS)]
    if not contract_ids:
        return None
    await republish_whole(tx, contract_ids)
    await tx.execute(REPUBLISH_ATTEMPTS, contract_ids, current_traceparent(), tx.audience)
    tx.wrote_outbox(Lane.EVENTS)
    return str(contract_ids[-1])


SOURCE = Source(
    republish,
    versions={
        "portfolio": ["version"],
        "debtor": ["status_version"],
        "contract": ["version", "details_version"],
        "contact_point": ["version"],
        "party": ["version"],
        "pause": ["version"],
    },
)
