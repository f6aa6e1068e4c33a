"""What one list has and another has not."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import OutputModel, Principal, Reader, page
from chassis.paging import PageRequest
from recobro_events import Money, MoneyTotal
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.explaining import queries
from dialer_feed.lists.reading import expect_list, refuse_unpublished


class Side(StrEnum):
    """``added``: on this list and not on the other. ``gone``: on the other and not on this one."""

    ADDED = "added"
    GONE = "gone"


class ContractOnOne(OutputModel):
    """A contract that one of the two lists has. ``reason`` would keep it off this list now; null if nothing would.

    ``rule`` is the rule of the preview behind it, or ``daily_size`` for one that comes after those that were taken.
    """

    contract_id: UUID
    contract_number: str
    name: str | None
    overdue_balance: Money
    days_past_due: int
    reason: WithdrawalReason | None
    rule: str | None


class Difference(OutputModel):
    """The numbers of contracts over both lists, and a page of one ``side``."""

    added: int
    gone: int
    stayed: int
    overdue_added: MoneyTotal
    overdue_gone: MoneyTotal
    items: tuple[ContractOnOne, ...]
    next_cursor: str | None


async def compare(
    reader: Reader, list_id: UUID, other_id: UUID, side: Side, who: Principal, query: PageRequest
) -> Difference:
    """Compare two lists that have been published. A withdrawn contract counts as on its list."""
    for each in (list_id, other_id):
        refuse_unpublished(await expect_list(reader, each, who))
    counts = await reader.fetchrow(queries.DIFFERENCE, list_id, other_id)
    assert counts is not None
    sql = queries.ADDED if side is Side.ADDED else queries.GONE
    after = query.after(str, UUID) or (None, None)
    rows = await reader.fetch(sql, list_id, other_id, *after, query.limit + 1)
    found: dict[str, Any] = dict(page(rows, query, key=lambda row: (row["contract_number"], row["contract_id"])))
    return Difference(**counts, **found)
