"""Long work as short transactions: a step that meets passing trouble is taken again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from recobro_events._database.database import Database
from recobro_events._database.transaction import Transaction
from recobro_events._errors import PASSING_TROUBLE

T = TypeVar("T")
ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 0.05
_log = structlog.get_logger(__name__)


async def step(database: Database, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Do ``work`` in a transaction of its own and return what it returned; at most five attempts, then it raises."""
    for attempt in range(1, ATTEMPTS):
        try:
            async with database.transaction(bulk=True) as tx:
                return await work(tx)
        except PASSING_TROUBLE as error:
            _log.warning("step_repeated", attempt=attempt, error=type(error).__name__)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
    async with database.transaction(bulk=True) as tx:
        return await work(tx)
