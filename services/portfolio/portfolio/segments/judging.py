"""Gives contracts their segments by the rules of their portfolio."""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Lane, Row, Transaction, sorted_unique
from recobro_events.tracing import current_traceparent

from portfolio.segments import keeping, queries


async def judge(
    tx: Transaction, portfolio_id: UUID, contract_ids: Collection[UUID], *, publish: bool = True
) -> Sequence[Row]:
    """Judge these contracts of a portfolio as of its business date. Their rows are locked.

    A contract that changes its segment gets a ContractSegmentChanged and a line of history. Without ``publish`` the
    caller publishes the whole contract next. Returns ``contract_id``, ``segment``, ``was_segment`` and ``next_on``,
    the business date on which time alone may change the segment, for each contract.
    """
    held = await keeping.current(tx, portfolio_id)
    rows = await tx.fetch(
        queries.JUDGE,
        sorted_unique(contract_ids),
        keeping.as_json(held.rules),
        held.version,
        current_traceparent(),
        publish,
    )
    if publish and any(row["segment"] != row["was_segment"] for row in rows):
        tx.wrote_outbox(Lane.BULK)
    return rows
