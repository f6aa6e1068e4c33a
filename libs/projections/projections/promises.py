"""Promises to pay: which promises are open, and up to which day each silences its contract."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.promises import PromiseEvent, PromiseMade, PromiseReopened

from projections.columns import columns

TABLE = """
CREATE TABLE promise (
    contract_id uuid NOT NULL,
    promise_id uuid NOT NULL,
    version bigint NOT NULL,
    open boolean NOT NULL,
    silent_until date NOT NULL,
    PRIMARY KEY (contract_id, promise_id)
) WITH (fillfactor = 85);
"""
_KEEP = """
INSERT INTO promise AS known (contract_id, promise_id, version, open, silent_until)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::date[])
ON CONFLICT (contract_id, promise_id) DO UPDATE SET
    version = excluded.version, open = excluded.open, silent_until = excluded.silent_until
WHERE known.version < excluded.version
"""


async def keep(tx: Transaction, events: Sequence[PromiseEvent]) -> None:
    """Keep the state of promises. The newest version counts."""
    rows = (
        (e.contract_id, e.promise_id, e.version, isinstance(e, PromiseMade | PromiseReopened), e.silent_until)
        for e in events
    )
    await tx.execute(_KEEP, *columns(rows, 5))
