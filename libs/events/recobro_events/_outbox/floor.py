"""The id up to which an outbox is known to stay empty."""

from collections.abc import Awaitable, Callable
from typing import Any

from recobro_events.contracts.base import Lane

# A statement holds this lock before it takes an id, so every transaction that may still commit an id that was taken is
# found here. The order matters: first read the last id that was taken, then the holders of the lock.
_LAST_TAKEN = "SELECT coalesce(last_value, 0) FROM pg_sequences WHERE sequencename = 'outbox_{lane}_id_seq'"
_WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'outbox_{lane}'::regclass AND mode = 'RowExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_FIRST_WAITING = "SELECT min(id) FROM outbox_{lane} WHERE id > $1 AND id <= $2"


class Floor:
    """The greatest id up to which an outbox is known to stay empty.

    The order of ids is not the order of commits, so a smaller id may still commit. But when id ``n`` has been taken,
    and every transaction that was writing into the outbox then has ended, no id up to ``n`` can appear any more. While
    an old snapshot is open, deleted rows cannot be cleared away; a fetch that starts from the floor skips them.
    """

    def __init__(self, lane: Lane, query: Callable[..., Awaitable[Any]]) -> None:
        self.id = 0
        self._query = query
        self._last_taken = _LAST_TAKEN.format(lane=lane)
        self._writers = _WRITERS.format(lane=lane)
        self._first_waiting = _FIRST_WAITING.format(lane=lane)
        self._next = 0
        self._waited_for: set[str] = set()

    async def rise(self) -> None:
        """Raise the floor as far as is certain; called with every heartbeat."""
        writing = {row["virtualtransaction"] for row in await self._query("fetch", self._writers)}
        self._waited_for &= writing
        if self._waited_for:
            return
        first = await self._query("fetchval", self._first_waiting, self.id, self._next)
        self.id = max(self.id, self._next if first is None else first - 1)
        self._next = await self._query("fetchval", self._last_taken)
        self._waited_for = {row["virtualtransaction"] for row in await self._query("fetch", self._writers)}
