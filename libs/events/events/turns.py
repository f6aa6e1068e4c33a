"""Long work in short turns: on one event loop an urgent fact waits for whoever has the turn."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")
_AT_A_TIME = 50


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """The same items; after some of them everybody else has a turn, which is about a millisecond later."""
    for n, item in enumerate(items, 1):
        yield item
        if n % _AT_A_TIME == 0:
            await asyncio.sleep(0)
