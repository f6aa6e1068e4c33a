"""Work beside other work, its end, and long work in short turns."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_ONCE_MORE_SECONDS = 1.0
_AT_A_TIME = 50


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these and wait until they have ended; how they ended is not told.

    Once more when a task goes on: ``asyncio.wait_for`` of Python 3.11 loses a cancellation that comes while what it
    waits for ends.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_ONCE_MORE_SECONDS)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """``work`` runs while the block does."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end(task)


async def in_turns(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """The same items, some at a time; in between everybody else has a turn, about every millisecond.

    On one event loop an urgent fact waits for whoever has the turn.
    """
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + _AT_A_TIME]
