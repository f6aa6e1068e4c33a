"""Pauses: days on which the delinquency clock of a contract stands still and nobody contacts its debtor."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractPaused, ContractResumed, ContractWhole

from projections.columns import columns

TABLE = """
CREATE TABLE pause (
    contract_id uuid NOT NULL,
    pause_id uuid NOT NULL,
    version bigint NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    PRIMARY KEY (contract_id, pause_id)
);
"""
_KEEP = """
INSERT INTO pause AS known (contract_id, pause_id, version, starts_on, ends_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::date[], $5::date[])
ON CONFLICT (contract_id, pause_id) DO UPDATE SET
    version = excluded.version, starts_on = excluded.starts_on, ends_on = excluded.ends_on
WHERE known.version < excluded.version
"""
# A contract no longer has a pause when a whole contract newer than the pause does not list it.
_RETIRE = """
DELETE FROM pause AS known USING unnest($1::uuid[], $2::bigint[]) AS whole (contract_id, version)
WHERE known.contract_id = whole.contract_id AND known.version < whole.version
    AND (known.contract_id, known.pause_id) NOT IN (SELECT * FROM unnest($3::uuid[], $4::uuid[]))
"""


async def keep(tx: Transaction, events: Sequence[ContractPaused | ContractResumed]) -> None:
    """Keep the days of each pause where the event is newer than the known pause."""
    rows = ((e.contract_id, e.pause_id, e.pause_version, e.starts_on, e.ends_on) for e in events)
    await tx.execute(_KEEP, *columns(rows, 5))


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the pauses that whole contracts list, and delete older pauses that they do not list."""
    rows = [(e.contract_id, p.pause_id, p.version, p.starts_on, p.ends_on) for e in events for p in e.pauses]
    if rows:
        await tx.execute(_KEEP, *columns(rows, 5))
    wholes = columns(((e.contract_id, e.version) for e in events), 2)
    await tx.execute(_RETIRE, *wholes, *columns((row[:2] for row in rows), 2))
