"""Waking tasks that wait for news of a list, in this process and in others."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import structlog
from recobro_events import TRANSIENT_ERRORS, Database, Transaction, beside

_ASK_EVERY_SECONDS = 5.0
log = structlog.get_logger(__name__)


class Bells:
    """One bell per key. A ring wakes the tasks that wait at that moment and is then forgotten.

    A missed ring does no harm, because a waiting task also looks again from time to time.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, set[asyncio.Future[None]]] = {}

    def ring(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            for waiter in self._waiting.pop(key, ()):
                if not waiter.done():
                    waiter.set_result(None)

    def listen(self, key: Hashable) -> "asyncio.Future[None]":
        """Return a future that is done at the key's next ring. Take it before looking, so that no ring is lost."""
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


async def heard(waiter: "asyncio.Future[None]", timeout_seconds: float) -> None:
    """Return at the ring, or after ``timeout_seconds`` without one."""
    with suppress(TimeoutError):
        await asyncio.wait_for(waiter, timeout_seconds)


NEWS = Bells()
"""Rings a list's bell when a transaction has withdrawn from the list or changed it."""
BUILDER = "builder"
"""The bell of ``NEWS`` that the builder listens to."""


def ring(list_id: str) -> str:
    """SQL that rings the bell of a list in every process at the commit. ``list_id`` is an SQL expression."""
    return f"pg_notify('bells', ({list_id})::text)"


_RING = f"SELECT {ring('list_id')} FROM unnest($1::uuid[]) AS list_id"


async def ring_everywhere(tx: Transaction, bells: Bells, list_ids: Collection[UUID]) -> None:
    """Ring the bells of these lists in every process, once the transaction has committed."""
    await tx.execute(_RING, list_ids)
    tx.after_commit(lambda: bells.ring(list_ids))


class Wire:
    """Rings the bells of lists when other processes have committed a change of them, while ``running``."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with beside(self._run(), "wire of bells"):
            yield

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except TRANSIENT_ERRORS as error:
                log.warning("wire_interrupted", error=type(error).__name__)
            await asyncio.sleep(_ASK_EVERY_SECONDS)

    async def _listen(self) -> None:
        connection = await self._database.direct_connection()
        try:
            await connection.add_listener("bells", self._on_notification)
            while True:
                await asyncio.sleep(_ASK_EVERY_SECONDS)
                # This fails when the connection is lost.
                await connection.execute("SELECT", timeout=_ASK_EVERY_SECONDS)
        finally:
            connection.terminate()

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._bells.ring([UUID(str(payload))])
