"""Dialing lists: built, watched, explained, compared, foreseen."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.lists import creating
from recobro_console.pages import EVERYBODY, STAFF, CurrentPage, Page, Router

SORTS = ("contract_number", "place", "overdue_balance", "days_past_due", "withdrawn_at")
STATUSES = ("listed", "named", "withdrawn")
_SERVICE = "dialer-feed"
_ROWS = 50
_WITHDRAWALS = 20
router = Router(EVERYBODY)
staff = Router(STAFF)


@router.get("/lists")
async def lists(page: CurrentPage) -> Response:
    """The lists, newest first, and the form that builds one."""
    return await _lists(page)


async def _lists(page: Page, wrong: Trouble | None = None, **typed: Any) -> Response:
    agencies, campaigns, days, segments = await asyncio.gather(
        names.agencies(page),
        page.attempt(page.services.get(_SERVICE, "/v1/campaigns", limit=1000)),
        _business_days(page),
        names.segments(page),
    )
    found = [] if isinstance(campaigns, Trouble) else campaigns["items"]
    return page.show(
        "lists/lists.html",
        422 if wrong else 200,
        agencies=agencies,
        campaigns=found,
        wrong=wrong,
        segments=segments,
        words_of=lambda subject, codes: [(code, page.reader.word(f"{subject} {code}")) for code in codes],
        **creating.CHOICES,
        typed={"business_date": max(days, default=""), "campaign_id": ""} | typed,
    )


async def _business_days(page: Page) -> list[str]:
    """The business dates of the portfolios, on which lists can be built."""
    if not page.session.may("portfolio:read") or page.session.agency_id is not None:
        return []
    known = await page.attempt(page.services.get("portfolio", "/v1/portfolios", limit=1000, returned=False))
    return (
        []
        if isinstance(known, Trouble)
        else [each["business_date"] for each in known["items"] if each["business_date"]]
    )


@router.get("/lists/table")
async def table(page: CurrentPage, cursor: str | None = None) -> Response:
    """The table of lists."""
    found, campaigns, agencies = await asyncio.gather(
        page.attempt(page.services.get(_SERVICE, "/v1/lists", order="desc", limit=_ROWS, cursor=cursor)),
        names.campaigns(page),
        names.agencies(page),
    )
    return page.show("lists/table.html", lists=found, campaigns=campaigns, agencies=agencies)


@staff.post("/lists/build")
async def build(page: CurrentPage) -> Response:
    """Request the list of a day. It is shown while its barrier waits."""
    form = await page.form()
    body = {"campaign_id": form.get("campaign_id"), "business_date": form.get("business_date")}
    try:
        built = await page.services.post(_SERVICE, "/v1/lists", body, key=form.get("_key"))
    except Trouble as trouble:
        return await _lists(page, trouble, **{name: value or "" for name, value in body.items()})
    if built["status"] == "building":
        return page.done(
            f"/lists/{built['list_id']}", "The list is being built. It waits until every service has answered."
        )
    return page.done(f"/lists/{built['list_id']}", "The list is published.")


@staff.post("/lists/campaigns")
async def create_campaign(page: CurrentPage) -> Response:
    """Create a campaign."""
    form = await page.form()
    posted = await page.request.form()
    chosen = {name: [str(one) for one in posted.getlist(name)] for name in ("stages", "segments", "steps")}
    body = creating.campaign_of(page.reader, form, **chosen)
    try:
        await page.services.post(_SERVICE, "/v1/campaigns", body, key=form.get("_key"))
    except Trouble as trouble:
        typed = {name: value for name, value in form.items() if not name.startswith("_")}
        return await _lists(page, trouble, **typed | chosen)
    return page.done("/lists", "The campaign {name} is created.", name=body["name"])


@staff.get("/lists/preview")
async def preview(page: CurrentPage, campaign_id: str, business_date: str = "") -> Response:
    """What a campaign's list of a day would hold by what is known now."""
    days = await _business_days(page)
    newest = date.fromisoformat(max(days)) if days else page.reader.local(datetime.now(UTC)).date()
    day = business_date or str(newest + timedelta(days=1))
    found, campaigns = await asyncio.gather(
        page.attempt(page.services.get(_SERVICE, f"/v1/campaigns/{campaign_id}/preview", business_date=day)),
        names.campaigns(page),
    )
    return page.show("lists/preview.html", found=found, campaign_id=campaign_id, day=day, campaigns=campaigns)


@staff.post("/lists/preview")
async def chosen_preview(page: CurrentPage) -> Response:
    """Go to the preview of the campaign and the day that the form names."""
    form = await page.form()
    wanted = {name: form.get(name, "") for name in ("campaign_id", "business_date")}
    return RedirectResponse(f"/lists/preview?{urlencode(wanted)}", 303)


@router.get("/lists/{list_id}")
async def one(
    page: CurrentPage,
    list_id: str,
    sorted_by: str = SORTS[0],
    order: str = "asc",
    status: str = "",
    contract_number: str = "",
    cursor: str | None = None,
) -> Response:
    """A list: how it stands, its contracts, its withdrawals as they happen."""
    known = await page.services.get(_SERVICE, f"/v1/lists/{list_id}")
    campaigns, agencies = await asyncio.gather(names.campaigns(page), names.agencies(page))
    return page.show(
        "lists/one.html",
        known=known,
        campaigns=campaigns,
        agencies=agencies,
        sorts=SORTS,
        statuses=STATUSES,
        chosen={"sorted_by": sorted_by, "order": order, "status": status, "contract_number": contract_number},
        cursor=cursor,
    )


@router.get("/lists/{list_id}/standing")
async def standing(page: CurrentPage, list_id: str) -> Response:
    """How the list stands: entries, withdrawals, their seconds, wrongful calls."""
    known = await page.attempt(page.services.get(_SERVICE, f"/v1/lists/{list_id}"))
    report = None
    if not isinstance(known, Trouble) and known["published_at"]:
        report = await page.attempt(page.services.get(_SERVICE, "/v1/withdrawal-report", list_id=list_id))
    return page.show("lists/standing.html", known=known, report=report)


@router.get("/lists/{list_id}/contracts")
async def contracts(
    page: CurrentPage,
    list_id: str,
    sorted_by: str = SORTS[0],
    order: str = "asc",
    status: str = "",
    contract_number: str = "",
    cursor: str | None = None,
) -> Response:
    """The contracts of the list, by page."""
    found = await page.attempt(
        page.services.get(
            _SERVICE,
            f"/v1/lists/{list_id}/contracts",
            sorted_by=sorted_by,
            order=order,
            status=status,
            contract_number=contract_number,
            cursor=cursor,
            limit=_ROWS,
        )
    )
    chosen = {"sorted_by": sorted_by, "order": order, "status": status, "contract_number": contract_number}
    return page.show("lists/contracts.html", found=found, list_id=list_id, chosen=chosen, cursor=cursor, sorts=SORTS)


@router.get("/lists/{list_id}/withdrawals")
async def withdrawals(page: CurrentPage, list_id: str) -> Response:
    """The latest withdrawals of the list."""
    found = await page.attempt(
        page.services.get(
            _SERVICE, f"/v1/lists/{list_id}/contracts", sorted_by="withdrawn_at", order="desc", limit=_WITHDRAWALS
        )
    )
    return page.show("lists/withdrawals.html", found=found)


@router.get("/lists/{list_id}/permits")
async def permits(page: CurrentPage, list_id: str) -> Response:
    """The answers to the list's dialers before calls, and the calls that have begun and have no result."""
    counts, overdue, refused = await asyncio.gather(
        page.attempt(page.services.get(_SERVICE, f"/v1/lists/{list_id}/permits")),
        page.attempt(page.services.get(_SERVICE, "/v1/attempts", list_id=list_id, state="overdue", limit=_WITHDRAWALS)),
        _refusals(page, list_id),
    )
    await names.spoken(page, refused, "asked_by")
    return page.show("lists/permits.html", counts=counts, overdue=overdue, refused=refused, list_id=list_id)


async def _refusals(page: Page, list_id: str) -> Any:
    """The latest refusals, for those who may read them."""
    if page.session.agency_id is not None:
        return None
    asked = page.services.get(
        _SERVICE, "/v1/permits", list_id=list_id, granted="false", order="desc", limit=_WITHDRAWALS
    )
    return await page.attempt(asked)


@staff.get("/lists/{list_id}/why")
async def why(page: CurrentPage, list_id: str, contract_id: str = "", contract_number: str = "") -> Response:
    """Why a contract is on the list or not."""
    found = None
    if contract_id or contract_number:
        found = await page.attempt(
            page.services.get(
                _SERVICE,
                f"/v1/lists/{list_id}/explanations",
                contract_id=contract_id,
                contract_number=None if contract_id else contract_number,
            )
        )
    agencies = await names.agencies(page)
    return page.show("lists/why.html", found=found, list_id=list_id, contract_number=contract_number, agencies=agencies)


@staff.get("/lists/{list_id}/difference")
async def difference(
    page: CurrentPage, list_id: str, other: str = "", side: str = "added", cursor: str | None = None
) -> Response:
    """What has changed since another list of the campaign; the one before it unless another is chosen."""
    known = await page.services.get(_SERVICE, f"/v1/lists/{list_id}")
    earlier = await page.services.get(_SERVICE, "/v1/lists", campaign_id=known["campaign_id"], order="desc", limit=100)
    others = [
        each for each in earlier["items"] if each["list_id"] != list_id and each["status"] in ("published", "closed")
    ]
    before = [each for each in others if each["requested_at"] < known["requested_at"]]
    chosen = other or (before[0]["list_id"] if before else "")
    found = None
    if chosen:
        found = await page.attempt(
            page.services.get(
                _SERVICE, f"/v1/lists/{list_id}/difference", **{"with": chosen}, side=side, cursor=cursor, limit=_ROWS
            )
        )
    return page.show(
        "lists/difference.html",
        known=known,
        others=others,
        chosen=chosen,
        side=side,
        found=found,
        cursor=cursor,
        campaigns=await names.campaigns(page),
    )


@router.get("/lists/{list_id}/file")
async def file(page: CurrentPage, list_id: str) -> Response:
    """The entries as a CSV file that opens in a spreadsheet of the user's language."""
    return await page.pass_on(_SERVICE, f"/v1/lists/{list_id}/entries", format="csv")
