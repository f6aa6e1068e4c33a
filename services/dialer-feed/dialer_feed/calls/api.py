"""HTTP route by which dialers report calls."""

from datetime import timedelta
from typing import Annotated

from chassis import DIALING, CurrentPrincipal, Router, WriteTransaction, writes
from chassis.transactions import act_for_service
from fastapi import Body, Request

from dialer_feed.calls import matching, recording
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
