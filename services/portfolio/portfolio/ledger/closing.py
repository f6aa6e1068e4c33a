"""A contract is closed when nothing is owed any more."""

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import (
    ContractClosed,
    ContractState,
)

from portfolio.ledger.history import Line
from portfolio.ledger.positions import next_versions, position_of


async def close_if_settled(tx: Transaction, position: Row) -> list[Line]:
    """Say that a contract is closed when its new position has just settled it; returns the line of history."""
    if not (position["was_state"] == "open" and position["state"] == "settled"):
        return []
    contract_id = position["contract_id"]
    closed = (await next_versions(tx, [contract_id]))[contract_id]
    tx.publish(ContractClosed(**position_of(closed), reason=ContractState.SETTLED))
    return [Line(contract_id, "closed", "settled: nothing is owed any more", {"reason": "settled"})]
