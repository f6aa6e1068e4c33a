"""Contracts with an event that some service has set aside. Until its replay nobody knows the contract's true state."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

from projections.columns import columns

TABLE = """
CREATE TABLE set_aside (
    contract_id uuid NOT NULL,
    service text NOT NULL,
    PRIMARY KEY (contract_id, service)
);
"""
_KEEP = """
INSERT INTO set_aside (contract_id, service)
SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING
"""
_DELETE = """
DELETE FROM set_aside USING unnest($1::uuid[], $2::text[]) AS replayed (contract_id, service)
WHERE set_aside.contract_id = replayed.contract_id AND set_aside.service = replayed.service
"""


async def keep(tx: Transaction, events: Sequence[ContractSetAside]) -> None:
    """Keep which service has set aside an event of which contract. Each service has a row of its own."""
    await tx.execute(_KEEP, *columns(((e.contract_id, e.service) for e in events), 2))


async def keep_replayed(tx: Transaction, events: Sequence[ContractReplayed]) -> None:
    """Delete the rows of services that have replayed or discarded the events that they had set aside."""
    await tx.execute(_DELETE, *columns(((e.contract_id, e.service) for e in events), 2))
