"""The lists on which a contract is or was, for people who ask why somebody may call, or may not."""

from datetime import date, datetime
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page

from dialer_feed.lists import queries


class ListEntry(OutputModel):
    """A contract on a list. ``is_live``: dialers call this list now.

    ``reason``, ``caused_at`` and ``withdrawn_at`` are of the withdrawal, null while the contract is listed. ``lead_id``
    is the contract of the same person whose entry names this one; null where the contract has the entry itself.
    """

    list_id: UUID
    campaign_id: UUID
    campaign_name: str
    agency_id: UUID | None
    business_date: date
    is_live: bool
    published_at: datetime
    contract_id: UUID
    contract_number: str
    lead_id: UUID | None
    status: str
    reason: str | None
    caused_at: datetime | None
    withdrawn_at: datetime | None


async def listed(reader: Reader, contract_id: UUID, query: PageQuery) -> Page[ListEntry]:
    """Return a page of the contract's entries, in the order in which their lists were published."""
    published_at, list_id = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(
        queries.ENTRIES_OF_CONTRACT[query.order], contract_id, published_at, list_id, query.limit + 1
    )
    return page(rows, query, key=lambda row: (row["published_at"].isoformat(), row["list_id"]))
