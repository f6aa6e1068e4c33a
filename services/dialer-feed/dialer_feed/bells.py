"""Waking, inside one process, whoever waits for news of a thing."""

import asyncio
from collections.abc import Hashable, Iterable
from contextlib import suppress


class Bells:
    """One bell per key. A ring wakes those who wait at that moment and is then forgotten.

    It never crosses processes: who waits looks again every so often anyway.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, set[asyncio.Future[None]]] = {}

    def ring(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            for waiter in self._waiting.pop(key, ()):
                if not waiter.done():
                    waiter.set_result(None)

    def listen(self, key: Hashable) -> "asyncio.Future[None]":
        """Done at the key's next ring. Take it before looking, wait for it after: then nothing rings in between."""
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
