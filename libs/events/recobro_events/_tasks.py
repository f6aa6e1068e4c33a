"""Start work beside other work, end it, and cut long work into short turns."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_CANCEL_AGAIN_SECONDS = 1.0
_AT_A_TIME = 50


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these tasks and wait until they have ended; their results and errors are not reported.

    A task that goes on is cancelled again, because ``asyncio.wait_for`` of Python 3.11 loses a cancellation that comes
    just as its awaitable ends.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_CANCEL_AGAIN_SECONDS)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run ``work`` while the block runs."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end(task)


async def signalled(event: asyncio.Event, within_seconds: float) -> bool:
    """Wait until the event is set or the time is over; return whether it is set.

    ``asyncio.wait_for`` would start a task for each wait, which costs as much as a statement.
    """
    if not event.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await event.wait()
    return event.is_set()


async def in_turns(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield the same items, some at a time; other tasks run in between, about every millisecond.

    Tasks share one event loop, so without this an urgent fact would wait until all items are done.
    """
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + _AT_A_TIME]
