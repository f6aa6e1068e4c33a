"""Pauses between the attempts at work that fails."""

import asyncio
import contextlib
import random

_MOST_DOUBLINGS = 30


class Backoff:
    """Pauses from ``first_seconds`` up to ``most_seconds``; each is twice as long as the pause before.

    A random part, up to half, is taken off each pause, so that processes that fail together retry apart.
    """

    def __init__(self, first_seconds: float, most_seconds: float) -> None:
        self._first_seconds = first_seconds
        self._most_seconds = most_seconds
        self._failures = 0

    def next_seconds(self) -> float:
        """The next pause, in seconds."""
        pause = min(self._first_seconds * 2.0**self._failures, self._most_seconds)
        self._failures = min(self._failures + 1, _MOST_DOUBLINGS)
        return pause * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Begin again with the shortest pause, because the work has succeeded."""
        self._failures = 0

    async def wait(self, until: asyncio.Event | None = None) -> None:
        """Wait for the length of the next pause, or until the event is set."""
        seconds = self.next_seconds()
        if until is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), seconds)
