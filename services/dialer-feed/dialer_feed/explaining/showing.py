"""The contracts of a list, page by page, with what has happened to each."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import OutputModel, Principal, Reader
from chassis.paging import PageRequest
from recobro_events import Money, Row
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.explaining import queries
from dialer_feed.lists.reading import expect_list, refuse_unpublished


class EntryStatus(StrEnum):
    """``named``: another entry of the person names the contract."""

    LISTED = "listed"
    NAMED = "named"
    WITHDRAWN = "withdrawn"


class SortedBy(StrEnum):
    """What the contracts are sorted by. Sorted by ``withdrawn_at`` they are those that have left the list.

    Sorted by ``place`` they are those with an entry of their own, on a list that has an order.
    """

    CONTRACT_NUMBER = "contract_number"
    OVERDUE_BALANCE = "overdue_balance"
    DAYS_PAST_DUE = "days_past_due"
    PLACE = "place"
    WITHDRAWN_AT = "withdrawn_at"


_TYPES: dict[SortedBy, Any] = {
    SortedBy.CONTRACT_NUMBER: str,
    SortedBy.OVERDUE_BALANCE: Decimal,
    SortedBy.DAYS_PAST_DUE: int,
    SortedBy.PLACE: int,
    SortedBy.WITHDRAWN_AT: datetime,
}


class ContractOnList(OutputModel):
    """A contract of a list. ``named_by`` is the number of the contract whose entry names it.

    ``place`` is that of an entry of its own, from 1, on a list that has an order.
    ``reason``, ``caused_at`` and ``withdrawn_at`` are those of its withdrawal, ``acknowledged_at`` when a dialer had
    acted on it.
    """

    contract_id: UUID
    contract_number: str
    name: str | None
    portfolio_id: UUID | None
    overdue_balance: Money
    days_past_due: int
    place: int | None
    status: EntryStatus
    named_by: str | None
    reason: WithdrawalReason | None
    caused_at: datetime | None
    withdrawn_at: datetime | None
    acknowledged_at: datetime | None


async def contracts_of(
    reader: Reader,
    list_id: UUID,
    who: Principal,
    query: PageRequest,
    sorted_by: SortedBy,
    status: EntryStatus | None,
    contract_number: str | None,
    reason: WithdrawalReason | None,
) -> Sequence[Row]:
    """Return one more row than the page has. An agency reads its own lists while they are live."""
    found = await expect_list(reader, list_id, who)
    refuse_unpublished(found)
    if who.agency_id is not None and found["status"] == "closed":
        return []
    after = query.after(_TYPES[sorted_by], UUID) or (None, None)
    sql = queries.PAGE[sorted_by, query.order]
    return await reader.fetch(sql, list_id, status, contract_number, reason, *after, query.limit + 1)
