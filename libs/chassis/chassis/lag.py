"""Lag between services: a fact that another service acknowledged a moment ago may not have been applied here yet."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chassis.problems import Problem
from chassis.turns import waiting

PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.25)
"""The pauses between the attempts of a request, two seconds in all. Almost every lag ends within the first."""

T = TypeVar("T")


async def once_known(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run ``attempt``, and run it again for up to two seconds while it raises a problem that ``may_be_lag``.

    Each attempt begins and ends its own transaction. So a request that waits holds no connection, and takes no place.
    """
    for pause_seconds in PAUSES_SECONDS:
        try:
            return await attempt()
        except Problem as problem:
            if not problem.may_be_lag:
                raise
        async with waiting():
            await sleep(pause_seconds)
    return await attempt()
