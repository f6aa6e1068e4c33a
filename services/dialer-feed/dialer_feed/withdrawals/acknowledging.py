"""Acknowledging: a dialer states up to which withdrawal of a list it has acted."""

from functools import partial
from typing import NamedTuple
from uuid import UUID

from projections import contracts
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import WithdrawalAcknowledged

from dialer_feed import metrics
from dialer_feed.withdrawals import queries


class Acknowledged(NamedTuple):
    """The cursor up to which the dialer has acknowledged, and how many withdrawals it acknowledged with this call."""

    cursor: int
    newly_acknowledged: int


async def acknowledge(tx: Transaction, list_id: UUID, dialer_id: str, cursor: int) -> Acknowledged:
    """Acknowledge every withdrawal up to ``cursor``, which must exist. A lower cursor than before changes nothing."""
    known = await tx.fetchval(queries.ACKNOWLEDGED, list_id, dialer_id) or 0
    if cursor <= known:
        return Acknowledged(known, 0)
    candidates = await tx.fetch(queries.BETWEEN, list_id, known, cursor)
    # Every event about a contract is published under the contract's lock.
    await contracts.lock(tx, (row["contract_id"] for row in candidates))
    locked: int = await tx.fetchval(queries.LOCK_DIALER, list_id, dialer_id)
    if cursor <= locked:
        return Acknowledged(locked, 0)
    new = [row for row in candidates if row["cursor"] > locked]
    moment = await tx.fetchval(queries.MOVE_DIALER, list_id, dialer_id, locked, cursor)
    for row in new:
        tx.publish(
            WithdrawalAcknowledged(
                contract_id=row["contract_id"], list_id=list_id, dialer_id=dialer_id, acknowledged_at=moment
            )
        )
    waits = [(moment - row["caused_at"]).total_seconds() for row in new]
    tx.after_commit(partial(_measure, waits))
    return Acknowledged(cursor, len(new))


def _measure(waits: list[float]) -> None:
    for seconds in waits:
        metrics.ACKNOWLEDGEMENT_SECONDS.observe(max(0.0, seconds))
