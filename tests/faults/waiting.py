"""Waiting with an end."""

import asyncio
from collections.abc import Awaitable, Callable

_LOOK_SECONDS = 0.1


async def until(holds: Callable[[], Awaitable[bool]], within_seconds: float) -> None:
    """Return as soon as it holds; ``TimeoutError`` when it does not in time."""
    async with asyncio.timeout(within_seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(_LOOK_SECONDS)
