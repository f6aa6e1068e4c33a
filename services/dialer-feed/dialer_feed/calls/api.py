"""HTTP routes by which dialers report calls, and agencies and operators read them."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from chassis import (
    DIALING,
    CurrentPrincipal,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    WriteTransaction,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.transactions import act_for_service
from fastapi import Body, Depends, Path, Query, Request

from dialer_feed.calls import matching, reading, recording
from dialer_feed.calls.evidence import Evidence, evidence
from dialer_feed.calls.reading import CallFilter, RecordedCall
from dialer_feed.lists import queries as lists

router = Router(prefix="/v1", tags=["dialers"])


@router.post("/calls", status_code=202, dependencies=[writes("dialer-feed", agency=True), DIALING])
async def report_calls(
    new: Annotated[list[matching.Call], Body(min_length=1, max_length=1000)],
    request: Request,
    tx: WriteTransaction,
    who: CurrentPrincipal,
) -> recording.Outcome:
    """Report calls, on a list or not. One whose disposition has the name of a withdrawal's reason acts like it.

    Each call to a known contract is recorded, and ``items`` says which rules it broke. A call that an agency made after
    its list was over, or after it had lost the contract, counts as a call; what it reports is kept without effect, for
    a person to decide.
    """
    rows = await tx.fetch(lists.OWN_LISTS, [call.list_id for call in new if call.list_id], who.agency_id)
    await act_for_service(tx)
    grace: int = request.app.state.settings.report_grace_days
    return await recording.receive(tx, new, {row["list_id"]: row for row in rows}, who, timedelta(days=grace))


@router.get("/calls", dependencies=[reads("dialer-feed", agency=True), reads_in_bulk()])
async def list_calls(
    wanted: Annotated[CallFilter, Depends()], query: PageQuery, reader: ReadConnection, who: CurrentPrincipal
) -> Page[RecordedCall]:
    """List the recorded calls in the order in which they were reported. An agency sees only its own."""
    return await reading.listed(reader, wanted, query, who.agency_id)


@router.get("/calls/{call_id}", dependencies=[reads("dialer-feed", agency=True)])
async def read_call(
    call_id: Annotated[str, Path(max_length=64)],
    database: ServiceDatabase,
    who: CurrentPrincipal,
    agency_id: Annotated[
        UUID | None, Query(description="Whose call it is; zeros for a call from inside. Needed if several have the id")
    ] = None,
) -> Evidence:
    """Read the evidence of one call: its permit, its attempt, its result, and where its recording is kept."""
    async with database.transaction() as tx:
        await act_for_service(tx)
        return await evidence(tx, call_id, agency_id, who)
