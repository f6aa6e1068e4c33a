"""Lag between services: a fact that another service acknowledged a moment ago may not have been applied here yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

LAG_SECONDS = 2.0
_POLL_SECONDS = 0.05
T = TypeVar("T")


async def known_within_lag(look: Callable[[], Awaitable[T]]) -> T:
    """Call ``look`` until its result is true, for up to two seconds, and return the last result."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + LAG_SECONDS
    while not (found := await look()) and clock() < deadline:  # noqa: ASYNC110 - another service cannot set an event of this process
        await asyncio.sleep(_POLL_SECONDS)
    return found
