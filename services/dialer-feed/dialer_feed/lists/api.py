"""HTTP routes that request and read dialing lists."""

import asyncio
from datetime import datetime
from functools import partial
from uuid import UUID

from chassis import (
    Conflict,
    CurrentPrincipal,
    Day,
    InputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    long_poll,
    page,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.problem_types import also_answers
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from recobro_events import Database, Row

from dialer_feed.campaigns.reading import expect_campaign
from dialer_feed.lists import of_contract, queries, requesting
from dialer_feed.lists.building import NOT_BUILT, STALE
from dialer_feed.lists.of_contract import ListEntry
from dialer_feed.lists.reading import DialingList, expect_list, shown
from dialer_feed.wakeups import LISTS

router = Router(prefix="/v1", tags=["lists"])


class NewList(InputModel):
    campaign_id: UUID
    business_date: Day


@router.post(
    "/lists",
    status_code=201,
    response_model=DialingList,
    dependencies=[writes("dialer-feed")],
    responses={
        200: {"model": DialingList, "description": "The list was requested before, and is published"},
        202: {"model": DialingList, "description": "The list is being built"},
    },
)
@also_answers(409, STALE, NOT_BUILT)
async def request_list(new: NewList, request: Request, database: ServiceDatabase, who: CurrentPrincipal) -> Response:
    """Request the campaign's list of a day. 201 when it is published, 202 while it is being built.

    200 when it had been requested before and is published.
    """
    async with database.connection() as connection:
        await expect_campaign(connection, new.campaign_id)
    list_id, created = await requesting.request(database, new.campaign_id, new.business_date)
    wait_seconds: float = getattr(request.app.state.settings, "list_wait_seconds", 30.0)
    row = await _wait_for_list(database, list_id, wait_seconds, request.app.state.stopping)
    async with database.connection() as connection:
        outcome = await shown(connection, row, who)
    if outcome.status == "failed":
        raise Conflict(outcome.error_detail, code=outcome.error, extra={"list_id": list_id})
    status = 202 if outcome.status == "building" else 201 if created else 200
    return JSONResponse(outcome.model_dump(mode="json"), status)


async def _wait_for_list(database: Database, list_id: UUID, wait_seconds: float, stopping: asyncio.Event) -> Row:
    """Return the list once it is no longer ``building``, or after ``wait_seconds``."""

    async def look() -> Row:
        async with database.connection() as connection:
            found: Row | None = await connection.fetchrow(queries.ONE, list_id, None)
        assert found is not None
        return found

    return await long_poll(
        look,
        partial(LISTS.waiter, list_id),
        until=lambda found: found["status"] != "building",
        wait_seconds=wait_seconds,
        stopping=stopping,
    )


@router.get("/lists", dependencies=[reads("dialer-feed", agency=True)])
async def list_lists(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    campaign_id: UUID | None = None,
    business_date: Day | None = None,
) -> Page[DialingList]:
    """List dialing lists in the order of their requests. An agency's token lists the agency's own lists only."""
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(
        queries.PAGE[query.order], campaign_id, business_date, *after, who.agency_id, query.limit + 1
    )
    return page(
        [await shown(reader, row, who) for row in rows],
        query,
        key=lambda item: (item.requested_at.isoformat(), item.list_id),
    )


@router.get("/lists/{list_id}", dependencies=[reads("dialer-feed", agency=True)])
async def read_list(list_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> DialingList:
    """Read a list: its status, and how many entries it has and has lost."""
    return await shown(reader, await expect_list(reader, list_id, who), who)


@router.get("/list-entries", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_entries_of_contract(contract_id: UUID, query: PageQuery, reader: ReadConnection) -> Page[ListEntry]:
    """List the lists on which the contract is or was, and why it left them, in the order of their publication."""
    return await of_contract.listed(reader, contract_id, query)
