"""Publishes whole contracts when they change, and republishes them when a service needs them again."""

from collections.abc import Collection, Mapping
from uuid import UUID

from recobro_events import Lane, Transaction, sorted_unique
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised
from recobro_events.tracing import current_traceparent

from portfolio.ledger import whole_queries as queries
from portfolio.ledger.positions import NO_CAUSE


async def publish_whole(
    tx: Transaction,
    contract_ids: Collection[UUID],
    event_type: type[ContractRegistered] | type[ContractRevised],
    *,
    received: Mapping[UUID, UUID] = NO_CAUSE,
    file_payments: Collection[UUID] = (),
    raised: bool = False,
) -> None:
    """Publish the whole state of these contracts. Their versions and details versions grow by one.

    ``raised``: ``reposition`` has done that already. ``file_payments`` are payments of channel ``file`` that no other
    event publishes.
    """
    await tx.execute(
        (queries.PUBLISH_RAISED if raised else queries.PUBLISH_WHOLE)[event_type],
        sorted_unique(contract_ids),
        list(received.keys()),
        list(received.values()),
        tx.consumer,
        current_traceparent(),
        list(file_payments),
    )
    tx.wrote_outbox(Lane.BULK)


async def republish_whole(tx: Transaction, contract_ids: Collection[UUID]) -> None:
    """Republish these contracts to ``tx.audience`` with all their payments. No version changes."""
    await tx.execute(queries.REPUBLISH_WHOLE, sorted_unique(contract_ids), current_traceparent(), tx.audience)
    tx.wrote_outbox(Lane.BULK)
