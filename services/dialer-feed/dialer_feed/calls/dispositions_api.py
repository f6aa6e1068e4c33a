"""HTTP routes of the catalogue of dispositions, and of agencies' own codes."""

from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    WriteTransaction,
    reads,
    writes,
)
from chassis.spoken import speaker_for
from fastapi import Query, Request

from dialer_feed.calls import dispositions
from dialer_feed.calls.dispositions import Code, CodesChange, Meaning, NewCodes

router = Router(prefix="/v1", tags=["dialers"])


class CodesPut(OutputModel):
    """``codes`` is the number of codes that have a meaning now."""

    codes: int


@router.get("/dispositions", dependencies=[reads("dialer-feed", agency=True)])
async def list_dispositions(request: Request) -> list[Meaning]:
    """List how a call may end, what each means in the language of ``Accept-Language``, and what it does."""
    return dispositions.catalogue(speaker_for(request))


@router.put("/disposition-codes", dependencies=[writes("dialer-feed")])
async def put_disposition_codes(new: NewCodes, tx: WriteTransaction) -> CodesPut:
    """Replace what an agency's own codes mean. A code that is left out means nothing any more."""
    return CodesPut(codes=await dispositions.put(tx, new))


@router.patch("/disposition-codes", dependencies=[writes("dialer-feed")])
async def change_disposition_codes(change: CodesChange, tx: WriteTransaction) -> CodesPut:
    """Change what some of an agency's own codes mean; its other codes stay as they are.

    409 `codes-changed` if a code no longer means what it meant to the person who decided; `codes` names such codes.
    """
    return CodesPut(codes=await dispositions.change(tx, change))


@router.get("/disposition-codes", dependencies=[reads("dialer-feed", agency=True)])
async def list_disposition_codes(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    agency_id: Annotated[UUID | None, Query(description="Zeros for codes of those who dial from inside")] = None,
    mapped: Annotated[bool | None, Query(description="false: the codes that nobody has explained")] = None,
) -> Page[Code]:
    """List agencies' own codes, also those that nobody has explained. An agency reads its own."""
    return await dispositions.listed(reader, who.agency_id or agency_id, mapped, query)
