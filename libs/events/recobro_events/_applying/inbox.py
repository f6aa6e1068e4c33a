"""Each event once: a consumer claims its ids in the transaction that applies it."""

from collections.abc import Collection
from uuid import UUID

from recobro_events._database.transaction import Transaction

# Nearly always all are new, and nothing has to be sent back.
_CLAIM = """
WITH claimed AS (
    INSERT INTO inbox (consumer, event_id)
    SELECT $1, event_id FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT event_id FROM unnest($2::uuid[]) AS event_id EXCEPT SELECT event_id FROM claimed
"""


async def claim(tx: Transaction, consumer: str, event_ids: Collection[UUID]) -> set[UUID]:
    """The ids that this consumer has never applied before; they count as applied when the transaction commits."""
    known = {row["event_id"] for row in await tx.fetch(_CLAIM, consumer, list(event_ids))}
    return set(event_ids) - known
