"""The feed of a list's withdrawals, as dialers follow it: in order, without a gap, as they happen."""

import asyncio
from datetime import datetime
from functools import partial
from uuid import UUID

from chassis import OutputModel, long_poll
from recobro_events import Database, Row

from dialer_feed.wakeups import NEWS
from dialer_feed.withdrawals import queries


class Withdrawal(OutputModel):
    cursor: int
    contract_id: UUID
    contract_number: str
    reason: str
    caused_at: datetime
    withdrawn_at: datetime


class Withdrawals(OutputModel):
    """``next_cursor`` is that of the last item, or the one that was sent."""

    items: tuple[Withdrawal, ...]
    next_cursor: int


async def withdrawals(
    database: Database, list_id: UUID, after: int, limit: int, wait_seconds: float, stopping: asyncio.Event
) -> list[Row]:
    """The withdrawals after that cursor; waits up to ``wait_seconds`` for the first one, not longer than we run."""

    async def look() -> list[Row]:
        async with database.connection() as connection:
            found: list[Row] = await connection.fetch(queries.AFTER, list_id, after, limit)
        return found

    listen = partial(NEWS.listen, list_id)
    return await long_poll(look, listen, until=bool, wait_seconds=wait_seconds, stopping=stopping)
