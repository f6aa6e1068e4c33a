"""The same step for many placements: recalls, confirmations of recalls, decisions on objections.

The page is not live, so a mark stays with its row. What cannot be done is named, and the others are done.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.forms import KEY
from recobro_console.pages import EVERYBODY, CurrentPage, NotYours, Page, Router

MOST = 200
"""The most placements that one page shows."""

_AT_ONCE = 4
_STATES = {"recall": "active", "acknowledgement": "recall_pending", "objection-decision": "objected"}
_OF_AGENCIES = frozenset({"acknowledgement"})
router = Router(EVERYBODY)


@router.get("/agencies/many/{step}")
async def choose(page: CurrentPage, step: str, agency_id: str = "") -> Response:
    """The placements to which this step can be done, to be marked."""
    return await _choose(page, step, agency_id)


async def _choose(
    page: Page, step: str, agency_id: str, values: Mapping[str, Any] | None = None, wrong: str = ""
) -> Response:
    if step not in _STATES:
        raise HTTPException(404)
    if not page.session.may("assignment:write") or (page.session.agency_id and step not in _OF_AGENCIES):
        raise NotYours
    found = await page.services.get(
        "assignment", "/v1/placements", state=_STATES[step], agency_id=agency_id, limit=MOST
    )
    rows, most = found["items"], names.MOST_CONTRACTS
    agencies, *known = await asyncio.gather(
        names.agencies(page), *(names.contracts(page, rows[at : at + most]) for at in range(0, len(rows), most))
    )
    return page.show(
        "agencies/many.html",
        422 if wrong else 200,
        step=step,
        found=found,
        contracts={contract_id: one for batch in known for contract_id, one in batch.items()},
        agencies=agencies,
        agency_id=agency_id,
        most=MOST,
        marked=(values or {}).get("marked", ()),
        reason=(values or {}).get("reason", ""),
        wrong=wrong,
    )


@router.post("/agencies/many/{step}")
async def do(page: CurrentPage, step: str, agency_id: str = "") -> Response:
    """Do the step to each marked placement, once, however often the form is sent."""
    if step not in _STATES:
        raise HTTPException(404)
    form = await page.request.form()
    try:
        marked = [str(UUID(str(value))) for value in form.getlist("placement")][:MOST]
    except ValueError:
        raise HTTPException(404) from None
    values = {"marked": marked, "reason": str(form.get("reason", "")).strip()}
    if not marked:
        return await _choose(page, step, agency_id, values, page.tr("Mark contracts first. Nothing was changed."))
    body: dict[str, Any] = {"reason": values["reason"]} if values["reason"] or step not in _OF_AGENCIES else {}
    if step == "objection-decision":
        body["accepted"] = form.get("accepted") == "yes"
    key, turns = str(form.get(KEY) or uuid.uuid4()), asyncio.Semaphore(_AT_ONCE)

    async def one(placement_id: str) -> Trouble | None:
        async with turns:
            path = f"/v1/placements/{placement_id}/{step}"
            own = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}/{placement_id}"))
            done = await page.attempt(page.services.post("assignment", path, body, key=own))
            return done if isinstance(done, Trouble) else None

    troubles = [trouble for trouble in await asyncio.gather(*map(one, marked)) if trouble]
    number = page.reader.number
    if troubles:
        left = sorted({page.said(trouble) for trouble in troubles})
        said = page.tr("Done: {done}. Not done: {left}.", done=number(len(marked) - len(troubles)), left=len(troubles))
        return await _choose(page, step, agency_id, values, " ".join([said, *left]))
    back = f"/agencies/{agency_id}" if agency_id else "/agencies"
    return page.done(back, "Done: {done}.", done=number(len(marked)))
