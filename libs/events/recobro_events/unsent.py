"""Unsent events: a person looks at them, has the relay send them again, or discards them with a reason.

An event is unsent if the log refused it, or if it waits behind an unsent event of its key and lane. Only the active
relay sends unsent events, in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recobro_events._consumer import Consumer
from recobro_events._database.transaction import Row, Transaction
from recobro_events._errors import EventsError
from recobro_events._outbox.setting_aside import Unsent
from recobro_events.contracts.base import Lane

__all__ = ["Discarded", "UnsentUnknown", "discard", "event", "events", "retry"]

_EVENTS = {
    turned: f"""
SELECT unsent_id, lane, event_id, type, key, topic, occurred_at, bytes, error, set_aside_at, retries, retry_at,
    discarded_at, discarded_by, discard_reason
FROM unsent_events
WHERE unsent_id {beyond} $1 AND ($2::text IS NULL OR key = $2) AND ($3::boolean OR discarded_at IS NULL)
ORDER BY unsent_id {order} LIMIT $4
"""
    for turned, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
}

_RETRY = """
WITH asked AS (
    UPDATE unsent_events SET retry_at = clock_timestamp()
    WHERE discarded_at IS NULL AND ($1::text IS NULL OR key = $1)
    RETURNING lane
)
SELECT lane, count(*) AS events FROM asked GROUP BY lane
"""


class UnsentUnknown(EventsError):
    """The event is not unsent: it never was, or it has been sent or discarded."""


@dataclass(frozen=True)
class Discarded:
    """The key of a discarded event, and how many of the key's events still wait."""

    key: str
    waiting: int


async def events(
    connection: Any,
    *,
    after: int = 0,
    key: str | None = None,
    discarded: bool = False,
    limit: int = 100,
    turned: bool = False,
) -> Sequence[Row]:
    """Unsent events in the order of the outbox, without bodies; ``discarded`` includes discarded events.

    With ``turned`` the newest events come first, and the list begins with the event before ``after``.
    """
    return await connection.fetch(_EVENTS[turned], after, key, discarded, limit)  # type: ignore[no-any-return]


async def event(connection: Any, unsent_id: int) -> Row:
    """One unsent event with its body, which is None once it has expired. Raises ``UnsentUnknown`` if there is none."""
    row = await connection.fetchrow("SELECT * FROM unsent_events WHERE unsent_id = $1", unsent_id)
    if row is None:
        raise UnsentUnknown(f"unsent event {unsent_id} does not exist")
    return row  # type: ignore[no-any-return]


async def retry(tx: Transaction, key: str | None = None) -> int:
    """Have the relays send the unsent events of this key again, or those of all keys; return how many there are.

    A relay begins within a few seconds of the commit. It stops at the first event that the log refuses again.
    """
    asked = await tx.fetch(_RETRY, key)
    return sum(row["events"] for row in asked)


async def discard(tx: Transaction, consumer: Consumer | None, unsent_id: int, *, by: str, reason: str) -> Discarded:
    """Record that this event is never sent, who decided that and why. Later events of its key still wait for a retry.

    Raises ``UnsentUnknown`` if the event does not wait any more.
    """
    row = await event(tx, unsent_id)
    unsent = Unsent(tx.service, Lane(row["lane"]), consumer)
    tx.consumer = unsent.name
    waiting = await unsent.discard(tx, row, by, reason)
    if waiting is None:
        raise UnsentUnknown(f"unsent event {unsent_id} is not waiting")
    return Discarded(row["key"], waiting)
