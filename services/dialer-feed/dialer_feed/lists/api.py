"""Dialing lists over HTTP: asking for one, reading it, its entries and its withdrawals."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from chassis import (
    Conflict,
    CurrentPrincipal,
    Day,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Principal,
    ReadConnection,
    Reader,
    Router,
    ServiceDatabase,
    WholeParameter,
    page,
    reads,
    writes,
)
from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from recobro_events import Database, Money, Row, barrier

from dialer_feed.campaigns.api import CampaignUnknown
from dialer_feed.delivery import entries as feed
from dialer_feed.lists import building as listing
from dialer_feed.lists import queries
from dialer_feed.wakeups import heard
from dialer_feed.withdrawals.withdrawing import NEWS

router = Router(prefix="/v1", tags=["lists"])
_POLL_SECONDS = 0.5
CURSOR_HEADER = "Recobro-Cursor"
_FORMATS = {"jsonl": ("application/jsonl", feed.as_jsonl), "csv": ("text/csv; charset=utf-8", feed.as_csv)}
Status = Literal["building", "published", "closed", "failed"]


class ListUnknown(NotFound):
    code = "list-unknown"
    detail = "There is no such list."


class NewList(InputModel):
    campaign_id: UUID
    business_date: Day


class DialingList(OutputModel):
    """``entries`` as published, ``withdrawn`` since; ``waiting_for`` while building names who has not answered yet."""

    list_id: UUID
    campaign_id: UUID
    agency_id: UUID | None
    business_date: date
    status: Status
    entries: int | None
    withdrawn: int | None
    overdue_total: Money | None
    requested_at: datetime
    published_at: datetime | None
    live_until: datetime | None
    waiting_for: tuple[str, ...]
    error: str | None
    error_detail: str | None


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


async def expect_list(reader: Reader, list_id: UUID, who: Principal) -> Row:
    """The list; 404 when there is none or it is another's."""
    row = await queries.dialing_list(reader, list_id, who.agency_id)
    if row is None:
        raise ListUnknown()
    return row


def refuse_unpublished(row: Row) -> None:
    if row["status"] == "building":
        raise Conflict("The list is still being built.", code="list-building")
    if row["status"] == "failed":
        raise Conflict(f"The list could not be built: {row['error_detail']}", code="list-failed")


@router.post(
    "/lists",
    status_code=201,
    dependencies=[writes("dialer-feed")],
    responses={200: {"model": DialingList}, 202: {"model": DialingList}},
)
async def request_list(new: NewList, request: Request, database: ServiceDatabase) -> Response:
    """Have the campaign's list of a day built: 201 when it is published, 202 while it is not; 200 the next time."""
    async with database.connection() as connection:
        if await queries.campaign(connection, new.campaign_id) is None:
            raise CampaignUnknown()
    list_id, created = await listing.request(database, new.campaign_id, new.business_date)
    wait_seconds: float = getattr(request.app.state.settings, "list_wait_seconds", 30.0)
    outcome = await _settled(database, list_id, wait_seconds, request.app.state.stopping)
    if outcome.status == "failed":
        raise Conflict(outcome.error_detail, code=outcome.error, extra={"list_id": list_id})
    status = 202 if outcome.status == "building" else 201 if created else 200
    return JSONResponse(outcome.model_dump(mode="json"), status)


async def _settled(database: Database, list_id: UUID, wait_seconds: float, stopping: asyncio.Event) -> DialingList:
    """The list once it is not ``building`` any more, or after ``wait_seconds``."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds
    while True:
        news = NEWS.listen(list_id)
        try:
            async with database.connection() as connection:
                row = await queries.dialing_list(connection, list_id)
                assert row is not None
                left = deadline - clock()
                if row["status"] != "building" or left <= 0 or stopping.is_set():
                    return await _shown(connection, row)
            await heard(news, min(left, _POLL_SECONDS))
        finally:
            news.cancel()


async def _shown(reader: Reader, row: Row) -> DialingList:
    fields = dict(row)
    if row["status"] == "building":
        fields["waiting_for"] = (await barrier.progress(reader, row["barrier_id"])).waiting_for
    return DialingList(**fields)


@router.get("/lists", dependencies=[reads("dialer-feed", agency=True)])
async def list_lists(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    campaign_id: UUID | None = None,
    business_date: Day | None = None,
) -> Page[DialingList]:
    """Lists, newest first."""
    after = query.after(datetime, UUID)
    rows = await queries.lists(
        reader, campaign_id, business_date, (after[0], after[1]) if after else None, who.agency_id, query.limit + 1
    )
    shown = [await _shown(reader, row) for row in rows]
    return page(shown, query, key=lambda item: (item.requested_at.isoformat(), item.list_id))


@router.get("/lists/{list_id}", dependencies=[reads("dialer-feed", agency=True)])
async def read_list(list_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> DialingList:
    return await _shown(reader, await expect_list(reader, list_id, who))


@router.get(
    "/lists/{list_id}/entries",
    dependencies=[reads("dialer-feed", agency=True)],
    response_class=StreamingResponse,
)
async def stream_entries(
    list_id: UUID,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    file_format: Annotated[str, Query(alias="format", max_length=20)] = "jsonl",
) -> StreamingResponse:
    """The entries still listed. The withdrawals up to the header's cursor are already taken out."""
    if file_format not in _FORMATS:
        raise Invalid(f"The formats are {' and '.join(_FORMATS)}.", code="format-unknown")
    async with database.connection() as connection:
        row = await expect_list(connection, list_id, who)
    refuse_unpublished(row)
    # The cursor is read before the first entry: what is withdrawn meanwhile is in the feed after it.
    headers = {CURSOR_HEADER: str(row["last_cursor"])}
    media_type, write = _FORMATS[file_format]
    if row["status"] == "closed":
        return StreamingResponse(iter(write([], True)), headers=headers, media_type=media_type)  # noqa: FBT003
    pieces = feed.entries(database, list_id, row["business_date"], write)
    return StreamingResponse(pieces, headers=headers, media_type=media_type)


@router.get("/lists/{list_id}/withdrawals", dependencies=[reads("dialer-feed", agency=True)])
async def read_withdrawals(
    list_id: UUID,
    request: Request,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    after: WholeParameter = 0,
    wait: Annotated[WholeParameter, Query(le=60)] = 0,
    limit: Annotated[WholeParameter, Query(ge=1, le=1000)] = 1000,
) -> Withdrawals:
    """The withdrawals after a cursor, in order; with ``wait``, seconds to wait for the first one."""
    async with database.connection() as connection:
        await expect_list(connection, list_id, who)
    rows = await feed.withdrawals(database, list_id, after, limit, wait, request.app.state.stopping)
    items = tuple(Withdrawal(**row) for row in rows)
    return Withdrawals(items=items, next_cursor=items[-1].cursor if items else after)
