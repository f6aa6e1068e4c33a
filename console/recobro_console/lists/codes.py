"""How calls end: the catalogue, and what the codes of each dialer mean. Unknown codes get their meaning here."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.pages import EVERYBODY, STAFF, CurrentPage, Page, Router

_SERVICE = "dialer-feed"
_FROM_INSIDE = "00000000-0000-0000-0000-000000000000"
_ROWS = 50
router = Router(EVERYBODY)
staff = Router(STAFF)


@router.get("/lists/codes")
async def codes(page: CurrentPage, dialer: str = "", cursor: str | None = None) -> Response:
    """The codes that nobody has explained, those that have a meaning, and the catalogue. An agency reads its own."""
    return await _codes(page, dialer, cursor)


async def _codes(
    page: Page,
    dialer: str = "",
    cursor: str | None = None,
    typed: Mapping[str, str] | None = None,
    wrong: Trouble | None = None,
) -> Response:
    def asked(mapped: str, after: str | None) -> Any:
        found = page.services.get(
            _SERVICE, "/v1/disposition-codes", mapped=mapped, agency_id=dialer, cursor=after, limit=_ROWS
        )
        return page.attempt(found)

    unknown, known, catalogue, agencies = await asyncio.gather(
        asked("false", None),
        asked("true", cursor),
        page.attempt(page.services.get(_SERVICE, "/v1/dispositions")),
        names.agencies(page),
    )
    return page.show(
        "lists/codes.html",
        422 if wrong else 200,
        unknown=unknown,
        known=known,
        catalogue=catalogue,
        agencies=agencies,
        from_inside=_FROM_INSIDE,
        dialer=dialer,
        first=cursor is None,
        typed=typed or {},
        wrong=wrong,
        may=page.session.may("dialer-feed:write") and page.session.agency_id is None,
    )


@staff.post("/lists/codes")
async def explain(page: CurrentPage) -> Response:
    """Say what codes mean, of one dialer or of several. A code without a meaning means nothing any more.

    Only what this person has changed is sent, with what it meant before: nobody else's change is undone.
    """
    typed = await page.form()
    posted = await page.request.form()
    said: defaultdict[str, list[dict[str, str | None]]] = defaultdict(list)
    columns = ("of", "code", "disposition", "was")
    rows = zip(*([str(one) for one in posted.getlist(name)] for name in columns), strict=False)
    for dialer, code, disposition, was in rows:
        if code.strip() and disposition != was:
            changed = {"code": code.strip(), "disposition": disposition or None, "was": was or None}
            said[dialer].append(changed)
    try:
        for dialer, changes in said.items():
            body = {"agency_id": dialer or None, "codes": changes}
            await page.services.patch(_SERVICE, "/v1/disposition-codes", body)
    except Trouble as trouble:
        return await _codes(page, typed.get("dialer", ""), typed=typed, wrong=trouble)
    return page.done("/lists/codes", "It holds for the calls that are reported from now on.")
