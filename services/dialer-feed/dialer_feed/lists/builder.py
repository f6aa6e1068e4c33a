"""The task that builds lists. Every process has one; one at a time works, the others stand by."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from recobro_events import PASSING_TROUBLE, Database, beside

from dialer_feed import metrics
from dialer_feed.lists import building
from dialer_feed.wakeups import BUILDER, NEWS, heard

_POLL_SECONDS = 0.5
_TRY_LOCK = "SELECT pg_try_advisory_lock(7203550204)"
log = structlog.get_logger(__name__)


class Builder:
    """Builds what is asked for, from ``running`` on.

    Its turn is a session lock on a connection of its own, which ends with the process. That only saves work: a builder
    that has lost the lock without knowing finds its claim on a list overruled, and changes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id = uuid.uuid4()
        self._turn: Any = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            async with beside(self._run(), "list builder"):
                yield
        finally:
            await self._give_up_turn()

    async def _run(self) -> None:
        while True:
            news = NEWS.listen(BUILDER)
            try:
                if await self._has_turn():
                    with metrics.BUILDER.run():
                        await building.advance(self._database, self._id)
            except PASSING_TROUBLE as error:
                log.warning("building tried again", error=type(error).__name__)
                await self._give_up_turn()
            except asyncpg.PostgresError as error:
                # One list that cannot be built must not end the task: it stays visibly in building.
                log.critical("list not built", error=type(error).__name__, exc_info=True)
            except Exception as error:
                log.critical("the builder has stopped", error=type(error).__name__, exc_info=True)
                raise
            await heard(news, _POLL_SECONDS)

    async def _has_turn(self) -> bool:
        if self._turn is None:
            self._turn = await self._database.direct_connection()
            self._id = uuid.uuid4()
        # Asked again by its holder, it is granted again: the question also tells that the connection lives.
        return bool(await self._turn.fetchval(_TRY_LOCK, timeout=10))

    async def _give_up_turn(self) -> None:
        turn, self._turn = self._turn, None
        metrics.LIST_BUILDS_SINCE.set(0)
        if turn is not None:
            turn.terminate()
