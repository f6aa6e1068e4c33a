"""Long work is done as short transactions. A step that fails with a transient error is tried again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from recobro_events._backoff import Backoff
from recobro_events._database.database import Database
from recobro_events._database.transaction import Transaction
from recobro_events._errors import TRANSIENT_ERRORS

T = TypeVar("T")
ATTEMPTS = 5
_PAUSE_SECONDS = (0.1, 1.0)
_log = structlog.get_logger(__name__)


async def step(database: Database, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run ``work`` in a transaction of its own and return its result.

    After a transient error ``work`` is tried again, in a new transaction. The fifth such error is raised, and any other
    error is raised at once.
    """
    backoff = Backoff(*_PAUSE_SECONDS)
    for attempt in range(1, ATTEMPTS):
        try:
            async with database.transaction(bulk=True) as tx:
                return await work(tx)
        except TRANSIENT_ERRORS as error:
            _log.warning("step_repeated", attempt=attempt, error=type(error).__name__)
            await backoff.wait()
    async with database.transaction(bulk=True) as tx:
        return await work(tx)
