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
_MOST = 1000
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
    """Say what codes mean, of one dialer or of several. A code without a meaning means nothing any more."""
    typed = await page.form()
    posted = await page.request.form()
    said: defaultdict[str, dict[str, str]] = defaultdict(dict)
    rows = zip(*([str(one) for one in posted.getlist(name)] for name in ("of", "code", "disposition")), strict=False)
    for dialer, code, disposition in rows:
        if code.strip():
            said[dialer or _FROM_INSIDE][code.strip()] = disposition
    try:
        for dialer, meanings in said.items():
            await _put(page, dialer, meanings)
    except Trouble as trouble:
        return await _codes(page, typed.get("dialer", ""), typed=typed, wrong=trouble)
    return page.done("/lists/codes", "It holds for the calls that are reported from now on.")


async def _put(page: Page, dialer: str, meanings: Mapping[str, str]) -> None:
    """Change these codes, and leave the dialer's other ones as they are: the service replaces all of them at once."""
    held = {
        one["code"]: one["disposition"]
        async for one in page.services.items(
            _SERVICE, "/v1/disposition-codes", mapped="true", agency_id=dialer, limit=_MOST
        )
    }
    changed = held | dict(meanings)
    codes = [{"code": code, "disposition": meaning} for code, meaning in changed.items() if meaning]
    body = {"agency_id": None if dialer == _FROM_INSIDE else dialer, "codes": codes}
    await page.services.put(_SERVICE, "/v1/disposition-codes", body)
