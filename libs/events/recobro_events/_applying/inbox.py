"""The inbox: the transaction that applies events also inserts their ids, so each event is applied once."""

from collections.abc import Collection
from uuid import UUID

from recobro_events._database.transaction import Transaction

# Nearly always all ids are new, and the statement returns no rows.
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
    """The ids of events that this consumer has not applied yet; they count as applied when the transaction commits."""
    known = {row["event_id"] for row in await tx.fetch(_CLAIM, consumer, list(event_ids))}
    return set(event_ids) - known
