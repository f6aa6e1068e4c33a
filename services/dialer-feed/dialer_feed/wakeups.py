"""Waking tasks that wait for a change of a list, in this process and in others."""

import asyncio
from collections.abc import Collection, Hashable, Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from recobro_events import TRANSIENT_ERRORS, Backoff, Database, Transaction

_CHECK_EVERY_SECONDS = 5.0
_MOST_PAUSE_SECONDS = 30.0
# The channel keeps its first name, because processes of two releases notify each other during a rollout.
_CHANNEL = "bells"
log = structlog.get_logger(__name__)


class Wakeups:
    """The waiting tasks of this process, by key. A wakeup reaches the tasks that wait at that moment, and no others.

    A missed wakeup does no harm, because a waiting task also looks again from time to time.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, set[asyncio.Future[None]]] = {}

    def wake(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            for waiter in self._waiting.pop(key, ()):
                if not waiter.done():
                    waiter.set_result(None)

    def waiter(self, key: Hashable) -> "asyncio.Future[None]":
        """Return a future that is done at the key's next wakeup. Take it before looking, so that no wakeup is lost."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, set()).add(waiter)
        waiter.add_done_callback(lambda done: self._forget(key, done))
        return waiter

    def _forget(self, key: Hashable, waiter: "asyncio.Future[None]") -> None:
        waiters = self._waiting.get(key)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._waiting[key]


async def woken(waiter: "asyncio.Future[None]", timeout_seconds: float) -> None:
    """Return when the waiter is woken, or after ``timeout_seconds``."""
    with suppress(TimeoutError):
        await asyncio.wait_for(waiter, timeout_seconds)


LISTS = Wakeups()
"""Wakes the tasks that wait for a list when a transaction has withdrawn from the list or changed it."""
BUILDER = "builder"
"""The key of ``LISTS`` for which the builder waits."""


def notify(list_id: str) -> str:
    """SQL that notifies every process of a list's change at the commit. ``list_id`` is an SQL expression."""
    return f"pg_notify('{_CHANNEL}', ({list_id})::text)"


_NOTIFY = f"SELECT {notify('list_id')} FROM unnest($1::uuid[]) AS list_id"


async def wake_everywhere(tx: Transaction, wakeups: Wakeups, list_ids: Collection[UUID]) -> None:
    """Wake the tasks that wait for these lists, in every process, once the transaction has committed."""
    await tx.execute(_NOTIFY, list_ids)
    tx.after_commit(lambda: wakeups.wake(list_ids))


class NotificationListener:
    """Wakes the tasks that wait for a list when another process has committed a change of it, while it runs."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups

    async def run(self) -> None:
        """Listen until this is cancelled."""
        backoff = Backoff(_CHECK_EVERY_SECONDS, _MOST_PAUSE_SECONDS)
        while True:
            try:
                await self._listen(backoff)
            except TRANSIENT_ERRORS as error:
                log.warning("listening_interrupted", error=type(error).__name__)
            await backoff.wait()

    async def _listen(self, backoff: Backoff) -> None:
        connection = await self._database.direct_connection()
        try:
            await connection.add_listener(_CHANNEL, self._on_notification)
            backoff.reset()
            while True:
                await asyncio.sleep(_CHECK_EVERY_SECONDS)
                # This fails when the connection is lost.
                await connection.execute("SELECT", timeout=_CHECK_EVERY_SECONDS)
        finally:
            connection.terminate()

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._wakeups.wake([UUID(str(payload))])
