"""A gate lets so many requests work at once, and lets waiting callers in by turns."""

import asyncio
from collections import Counter, deque


class Gate:
    """Admits at most ``total`` requests at once, and at most ``each`` of one caller.

    The requests of one caller enter in their order. Callers that wait take turns, so that one with many requests does
    not delay one with few.
    """

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._inside: Counter[str] = Counter()
        self._count = 0
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    async def enter(self, caller: str, patience_seconds: float) -> bool:
        """Return True once the request may work, or False if it still had to wait after ``patience_seconds``."""
        if self._count < self._total and self._inside[caller] < self._each and caller not in self._queues:
            self._admit(caller)
            return True
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(entered)
        try:
            await asyncio.wait({entered}, timeout=patience_seconds)
        except asyncio.CancelledError:
            if entered.done():
                self.leave(caller)
            raise
        finally:
            if not entered.done():
                self._forget(caller, entered)
        return entered.done()

    def leave(self, caller: str) -> None:
        self._count -= 1
        self._inside[caller] -= 1
        if not self._inside[caller]:
            del self._inside[caller]
        if self._queues:
            self._admit_waiting()

    def holds_back(self, caller: str) -> bool:
        """Whether the caller waits for itself alone: it has all places that one caller may have, and there are more."""
        return self._inside[caller] >= self._each < self._total

    def _admit(self, caller: str) -> None:
        self._count += 1
        self._inside[caller] += 1

    def _admit_waiting(self) -> None:
        for caller in list(self._queues):
            if self._count >= self._total:
                return
            if self._inside[caller] < self._each:
                queue = self._queues.pop(caller)
                self._admit(caller)
                queue.popleft().set_result(None)
                if queue:
                    # Now the last in turn.
                    self._queues[caller] = queue

    def _forget(self, caller: str, entered: "asyncio.Future[None]") -> None:
        queue = self._queues[caller]
        queue.remove(entered)
        if not queue:
            del self._queues[caller]
