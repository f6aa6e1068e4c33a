"""Long polls: a request that waits until there is something to answer. It holds no connection while it waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chassis.turns import waiting

T = TypeVar("T")
_POLL_SECONDS = 0.5


async def long_poll(
    look: Callable[[], Awaitable[T]],
    waiter: Callable[[], "asyncio.Future[None]"],
    *,
    until: Callable[[T], bool],
    wait_seconds: float,
    stopping: asyncio.Event,
) -> T:
    """Return the result of ``look`` once ``until`` accepts it, else the result after ``wait_seconds`` or at shutdown.

    ``waiter`` returns a future that is done at the next notification. It is called before each look, so no notification
    is lost between the two. If another process failed to notify, the change is found half a second later.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds
    while True:
        changed = waiter()
        try:
            found = await look()
            left = deadline - clock()
            if until(found) or left <= 0 or stopping.is_set():
                return found
            async with waiting():
                await asyncio.wait({changed}, timeout=min(left, _POLL_SECONDS))
        finally:
            changed.cancel()
