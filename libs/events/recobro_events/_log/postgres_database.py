"""The database of the embedded log: connections to it, and its notifications."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Any

import asyncpg

from recobro_events._database.database import leave_as_it_is, taken
from recobro_events._errors import TRANSIENT_ERRORS, TopicPartition, TransportError
from recobro_events._log.postgres_schema import CREATE

Wake = Callable[[str, Collection[TopicPartition]], None]
"""Called with the channel of a notification and the partitions that grew.

The channel is a type of events, ``ALL_RECORDS`` or ``log``.
"""
ALL_RECORDS = "records"
"""The channel of all records. Only processes with a member that has named no types listen to it."""
LONGEST_CHANNEL = 63
"""The most bytes of a channel's name."""


class LogDatabase:
    """A pool of connections to the database ``dsn``, and one more connection for notifications.

    Notifications announce new records, and changes of a group's members.

    Transient errors of the database are raised as ``TransportError``.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool[Any] | None = None
        self._listener: Any = None
        self._wakers: dict[str, list[Wake]] = {}
        self._channels = {"log"}
        self._heard: set[str] = set()
        self._connecting = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and create the log's tables if they are missing."""
        try:
            self._pool = self._pool or await asyncpg.create_pool(
                self._dsn,
                min_size=0,
                max_size=8,
                timeout=10,
                command_timeout=20,
                reset=leave_as_it_is,
                server_settings={
                    "plan_cache_mode": "force_generic_plan",
                    "idle_in_transaction_session_timeout": "10000",
                    "timezone": "UTC",
                },
            )
            async with self._pool.acquire(timeout=5) as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('log schema', 0))")
                await connection.execute(CREATE)
        except TRANSIENT_ERRORS as error:
            raise TransportError(f"the embedded log cannot be reached: {error!r}") from error

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.terminate()
        if self._pool is not None:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def connection(self) -> Any:
        """A connection of the pool; waiting for one takes at most 5 s."""
        if self._pool is None:
            raise TransportError("the embedded log is not open")
        try:
            async with taken(self._pool, within_seconds=5) as connection:
                yield connection
        except TRANSIENT_ERRORS as error:
            raise TransportError(f"the embedded log cannot be reached: {error!r}") from error

    async def listener(self) -> Any:
        """The connection for notifications. While its backend exists, the members of this process count as alive."""
        async with self._connecting:
            try:
                if self._listener is None or self._listener.is_closed():
                    self._heard.clear()
                    self._listener = await asyncpg.connect(self._dsn, timeout=10)
                for channel in self._channels - self._heard:
                    await self._listener.add_listener(channel, self._on_notification)
                    self._heard.add(channel)
            except TRANSIENT_ERRORS as error:
                raise TransportError(f"the embedded log cannot be reached: {error!r}") from error
            return self._listener

    def hear(self, types: Collection[str]) -> None:
        """Also be notified of new records of these event types, from the next call of ``listener`` on.

        The channel ``log`` announces changes of groups, and ``ALL_RECORDS`` all records.
        """
        self._channels.update(types)

    def on_topic(self, topic: str, wake: Wake) -> None:
        """Call ``wake`` with the partitions of ``topic`` that have grown, until ``remove_waker``.

        Notifications may be lost, so a reader also looks at its partitions by itself from time to time.
        """
        self._wakers.setdefault(topic, []).append(wake)

    def remove_waker(self, wake: Wake) -> None:
        for wakers in self._wakers.values():
            if wake in wakers:
                wakers.remove(wake)

    def _on_notification(self, _connection: Any, _pid: int, channel: str, payload: object) -> None:
        name, *partitions = str(payload).split(" ")
        grown = [TopicPartition(name, int(partition)) for partition in partitions]
        for wake in self._wakers.get(name, ()):
            wake(channel, grown)
