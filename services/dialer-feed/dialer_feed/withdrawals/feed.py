"""The feed of a list's withdrawals that dialers follow: in order, without a gap, as they happen."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Literal
from uuid import UUID

from chassis import OutputModel, long_poll
from recobro_events import Database, Money, Row
from recobro_events.contracts.portfolio import PartyRole

from dialer_feed.wakeups import LISTS
from dialer_feed.withdrawals import queries


class Other(OutputModel):
    """Another contract of the person, which the entry names."""

    contract_number: str
    overdue_balance: Money


class PartyPhone(OutputModel):
    """A phone of somebody besides the debtor. ``party`` is the role, such as guarantor."""

    phone: str
    party: PartyRole
    name: str


class Withdrawal(OutputModel):
    """An entry has left the list (``kind`` withdrawn), or has changed. Both ids are those of the entry's contract.

    ``numbers_changed``: ``phones`` and ``party_phones`` may still be dialled. ``others_changed``: ``also`` are the
    contracts that it names.
    A dialer that does not look at ``kind`` takes the whole entry off, which is safe.
    """

    cursor: int
    kind: Literal["withdrawn", "others_changed", "numbers_changed"]
    contract_id: UUID
    contract_number: str
    reason: str
    phones: tuple[str, ...] | None
    party_phones: tuple[PartyPhone, ...] | None
    also: tuple[Other, ...] | None
    caused_at: datetime
    withdrawn_at: datetime


class Withdrawals(OutputModel):
    """``next_cursor`` is the cursor of the last item, or the request's cursor when there is no item."""

    items: tuple[Withdrawal, ...]
    next_cursor: int


async def withdrawals(
    database: Database, list_id: UUID, after: int, limit: int, wait_seconds: float, stopping: asyncio.Event
) -> list[Row]:
    """Return the withdrawals after that cursor. Wait up to ``wait_seconds`` for the first one, or until shutdown."""

    async def look() -> list[Row]:
        async with database.connection() as connection:
            found: list[Row] = await connection.fetch(queries.AFTER, list_id, after, limit)
        return found

    waiter = partial(LISTS.waiter, list_id)
    return await long_poll(look, waiter, until=bool, wait_seconds=wait_seconds, stopping=stopping)
