"""Clarifications: disputes of a contract, and whether each still asks for silence.

A dispute that has stopped being silent is never silent again, because a dispute opens once and contact resumes once.
"""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.portfolio import ClarificationOpened, ClarificationResolved, ContractWhole

from projections.columns import columns

TABLE = """
-- version is the contract's at the last event by which the dispute was open.
CREATE TABLE clarification (
    contract_id uuid NOT NULL,
    clarification_id uuid NOT NULL,
    silent boolean NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (contract_id, clarification_id)
);
"""
# A known dispute keeps its ``silent``, resolved or not; only the newest version at which it was open is updated.
_OPEN = """
INSERT INTO clarification AS known (contract_id, clarification_id, version, silent)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
ON CONFLICT (contract_id, clarification_id) DO UPDATE SET version = excluded.version
WHERE known.version < excluded.version
"""
_RESOLVE = """
INSERT INTO clarification AS known (contract_id, clarification_id, version, silent)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[])
ON CONFLICT (contract_id, clarification_id) DO UPDATE SET
    version = greatest(known.version, excluded.version), silent = known.silent AND excluded.silent
"""
# A dispute that was opened before the contract's version, and that the event does not list as open, is over, even if
# its resolution was missed. A whole contract ends only disputes of its own epoch (the version's bits from 40 up).
# A dispute of another epoch may have been lost in a restore, so it stays silent until a resolution decides it.
_END = """
UPDATE clarification AS known SET silent = false
FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS fact (contract_id, version, decided)
WHERE known.contract_id = fact.contract_id AND known.silent AND known.version < fact.version
    AND (fact.decided OR known.version >> 40 = fact.version >> 40)
    AND (known.contract_id, known.clarification_id) NOT IN (SELECT * FROM unnest($4::uuid[], $5::uuid[]))
"""


async def keep(tx: Transaction, events: Sequence[ClarificationOpened]) -> None:
    """Keep these disputes. A contract is silent until each of its disputes is resolved."""
    await tx.execute(_OPEN, *columns(((e.contract_id, e.clarification_id, e.version) for e in events), 3))


async def keep_resolutions(tx: Transaction, events: Sequence[ClarificationResolved]) -> None:
    """End these disputes. If contact may not resume yet, a later resolution of the same dispute must allow it."""
    rows = ((e.contract_id, e.clarification_id, e.version, not e.contact_may_resume) for e in events)
    await tx.execute(_RESOLVE, *columns(rows, 4))
    silent = [(e.contract_id, other) for e in events for other in e.still_open]
    await tx.execute(_END, *columns(((e.contract_id, e.version, True) for e in events), 3), *columns(silent, 2))


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the disputes that whole contracts list, and end older disputes that they do not list."""
    rows = [(e.contract_id, dispute, e.version) for e in events for dispute in e.open_clarifications]
    if rows:
        await tx.execute(_OPEN, *columns(rows, 3))
    wholes = columns(((e.contract_id, e.version, False) for e in events), 3)
    await tx.execute(_END, *wholes, *columns((row[:2] for row in rows), 2))
