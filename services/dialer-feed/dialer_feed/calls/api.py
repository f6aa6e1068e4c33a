"""HTTP route by which dialers report calls."""

from typing import Annotated

from chassis import CurrentPrincipal, Router, WriteTransaction, writes
from fastapi import Body

from dialer_feed.calls import recording
from dialer_feed.lists import queries as lists

router = Router(prefix="/v1", tags=["dialers"])


@router.post("/calls", status_code=202, dependencies=[writes("dialer-feed", agency=True)])
async def report_calls(
    new: Annotated[list[recording.Call], Body(min_length=1, max_length=1000)],
    tx: WriteTransaction,
    who: CurrentPrincipal,
) -> recording.Outcome:
    """Report calls. A call whose disposition has the name of a withdrawal's reason acts like that withdrawal."""
    rows = await tx.fetch(lists.AGENCIES_OF_LISTS, list({call.list_id for call in new}), who.agency_id)
    agencies = {row["list_id"]: row["agency_id"] for row in rows}
    return await recording.receive(tx, new, agencies, who.subject)
