"""Waiting with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.1


async def until(holds: Callable[[], Awaitable[bool]], within_seconds: float) -> None:
    """Return as soon as ``holds`` returns true. Raises ``TimeoutError`` if it does not in time."""
    async with asyncio.timeout(within_seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(_POLL_SECONDS)
