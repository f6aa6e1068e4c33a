"""Long work in short turns: on one event loop an urgent fact waits for whoever has the turn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_AT_A_TIME = 50


async def in_turns(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """The same items, some at a time; in between everybody else has a turn, about every millisecond."""
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + _AT_A_TIME]
