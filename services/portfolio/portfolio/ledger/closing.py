"""Closes settled contracts. ContractClosed follows the event of the change that settled the contract."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractClosed, ContractState

from portfolio.ledger import positions_queries as queries
from portfolio.ledger.history import Line
from portfolio.ledger.positions import position_of


async def close_settled(tx: Transaction, positions: Sequence[Row], received: Mapping[UUID, UUID]) -> list[Line]:
    """Publish the closing of contracts that their new positions have settled. Returns the lines of history."""
    settled = [
        row["contract_id"]
        for row in positions
        if row["was_state"] == ContractState.OPEN and row["state"] == ContractState.SETTLED
    ]
    if not settled:
        return []
    for row in await tx.fetch(queries.RAISE_VERSIONS, settled, [1] * len(settled)):
        event = ContractClosed(**position_of(row), reason=ContractState.SETTLED)
        tx.publish(event, cause=received.get(row["contract_id"]))
    data = {"reason": "settled"}
    return [Line(contract_id, "closed", "settled: the total balance is 0", data) for contract_id in settled]
