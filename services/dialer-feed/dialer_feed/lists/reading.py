"""A dialing list as the API shows it, and the refusals of unknown or unpublished lists."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from chassis import Conflict, NotFound, OutputModel, Principal, Reader
from recobro_events import MoneyTotal, Row, barrier

from dialer_feed.lists import queries

Status = Literal["building", "published", "closed", "failed"]


class ListUnknown(NotFound):
    code = "list-unknown"
    detail = "There is no such list."


class DialingList(OutputModel):
    """``entries`` is the number of entries at publication, ``withdrawn`` the number withdrawn since.

    ``waiting_for`` names the services that have not answered the list's barrier, for operators.
    """

    list_id: UUID
    campaign_id: UUID
    agency_id: UUID | None
    business_date: date
    status: Status
    entries: int | None
    withdrawn: int | None
    overdue_total: MoneyTotal | None
    requested_at: datetime
    published_at: datetime | None
    live_until: datetime | None
    waiting_for: tuple[str, ...]
    error: str | None
    error_detail: str | None


async def shown(reader: Reader, row: Row, who: Principal) -> DialingList:
    """Return the list that this row of ``queries`` holds. An agency does not learn which services it waits for."""
    fields = dict(row)
    if row["status"] == "building" and who.agency_id is None:
        fields["waiting_for"] = (await barrier.progress(reader, row["barrier_id"])).waiting_for
    return DialingList(**fields)


async def expect_list(reader: Reader, list_id: UUID, who: Principal) -> Row:
    """Return the list. 404 when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.ONE, list_id, who.agency_id)
    if row is None:
        raise ListUnknown()
    return row


def refuse_unpublished(row: Row) -> None:
    if row["status"] == "building":
        raise Conflict("The list is still being built.", code="list-building")
    if row["status"] == "failed":
        raise Conflict(f"The list could not be built: {row['error_detail']}", code="list-failed")
