"""Work beside other work, and its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_ONCE_MORE_SECONDS = 1.0


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
