"""Up to which id an outbox is known to be empty."""

from collections.abc import Awaitable, Callable
from typing import Any

from recobro_events.contracts.base import Lane

# Ids are given to statements that hold this lock already, so whatever may still commit an id that has been given is
# seen here. In this order: first what has been given, then who holds the lock.
_GIVEN = "SELECT coalesce(last_value, 0) FROM pg_sequences WHERE sequencename = 'outbox_{lane}_id_seq'"
_WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'outbox_{lane}'::regclass AND mode = 'RowExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_FIRST_WAITING = "SELECT min(id) FROM outbox_{lane} WHERE id > $1 AND id <= $2"


class Floor:
    """The greatest id up to which an outbox is known to be empty for ever.

    Identity order is not commit order: a smaller id may still commit. But once every transaction has ended that was
    writing into the outbox when id ``n`` had been given, nothing up to ``n`` can come any more. Where deleted rows
    cannot be cleared away, because an old snapshot is open, fetching from here on does not wade through them.
    """

    def __init__(self, lane: Lane, query: Callable[..., Awaitable[Any]]) -> None:
        self.id = 0
        self._query = query
        self._given = _GIVEN.format(lane=lane)
        self._writers = _WRITERS.format(lane=lane)
        self._first_waiting = _FIRST_WAITING.format(lane=lane)
        self._next = 0
        self._waited_for: set[str] = set()

    async def rise(self) -> None:
        """Rise as far as is certain; called every few seconds."""
        writing = {row["virtualtransaction"] for row in await self._query("fetch", self._writers)}
        self._waited_for &= writing
        if self._waited_for:
            return
        first = await self._query("fetchval", self._first_waiting, self.id, self._next)
        self.id = max(self.id, self._next if first is None else first - 1)
        self._next = await self._query("fetchval", self._given)
        self._waited_for = {row["virtualtransaction"] for row in await self._query("fetch", self._writers)}
