"""Takes contracts up the ladder of their portfolio, and back to where a reversed payment had found them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Lane, Row, Transaction, sorted_unique
from recobro_events.tracing import current_traceparent

from portfolio.ladder import keeping, queries


async def escalate(
    tx: Transaction, portfolio_id: UUID, contract_ids: Collection[UUID], *, publish: bool = True
) -> Sequence[Row]:
    """Judge these contracts of a portfolio as of its business date. Their rows are locked.

    A contract whose step changes gets a ContractEscalated and a line of history; one of which only changes what its
    step allows gets the event. Without ``publish`` the caller publishes the whole contract next. Returns
    ``contract_id``, ``step``, ``was_step``, ``has_changed`` and ``next_on``, the business date on which time alone may
    lead to the next step, for each contract.
    """
    held = await keeping.current(tx, portfolio_id)
    jurisdiction = await tx.fetchval(queries.JURISDICTION, portfolio_id)
    ids = sorted_unique(contract_ids)
    await tx.execute(queries.FORGET_LATER, ids)
    rows = await tx.fetch(
        queries.ESCALATE,
        ids,
        keeping.as_json(held, held.version, jurisdiction),
        held.version,
        current_traceparent(),
        publish,
    )
    if publish and any(row["has_changed"] for row in rows):
        tx.wrote_outbox(Lane.BULK)
    return rows
