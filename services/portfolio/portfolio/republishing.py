"""What holds, said again: to a service that has missed something, or to everyone after a restore.

Portfolios first, then contract after contract with everything that is known of it. Nothing changes by it.
"""

from uuid import UUID

from recobro_events import Lane, Source, Transaction
from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.tracing import current_traceparent

from portfolio import portfolios, positions_queries

CHUNK_CONTRACTS = 500
_BEFORE_ALL = UUID(int=0)
_PORTFOLIOS = "SELECT portfolio_id FROM portfolio ORDER BY portfolio_id FOR UPDATE"
_NEXT = "SELECT contract_id FROM contract WHERE contract_id > $1 ORDER BY contract_id LIMIT $2 FOR SHARE"


async def republish(tx: Transaction, after: str) -> str | None:
    """The next contracts by id after that one; at first all portfolios."""
    if not after:
        for row in await tx.fetch(_PORTFOLIOS):
            await portfolios.say_state_again(tx, row["portfolio_id"])
        return str(_BEFORE_ALL)
    contract_ids = [row["contract_id"] for row in await tx.fetch(_NEXT, UUID(after), CHUNK_CONTRACTS)]
    if not contract_ids:
        return None
    await tx.execute(
        positions_queries.SAY_WHOLE_AGAIN, contract_ids, ContractRevised.type, current_traceparent(), tx.audience
    )
    tx.wrote_outbox(Lane.BULK)
    return str(contract_ids[-1])


SOURCE = Source(
    republish,
    versions={
        "portfolio": ["version"],
        "debtor": ["status_version"],
        "contract": ["version", "details_version"],
        "contact_point": ["version"],
        "pause": ["version"],
    },
)
