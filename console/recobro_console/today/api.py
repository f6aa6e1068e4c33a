"""The first page: how the day stands, live. Each number leads to what it counts."""

import asyncio
from collections import defaultdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.live.hub import Hub
from recobro_console.pages import CurrentPage, Page, Router
from recobro_console.today.figures import differences, sums_by_currency, waiting

_SHOWN = 12
_PAGE = 50
JOB_SERVICES = ("portfolio", "dialer-feed")
PARKING = ("portfolio", "assignment", "dialer-feed", "field-visits", "promises")
LETTER_MEDIA = ("in_person", "post", "email")
"""By which a debtor may get a letter of no debt."""
router = Router()


@router.get("/today")
async def today(page: CurrentPage) -> Response:
    """The page. Its parts load by themselves, so that one service's silence leaves the rest."""
    return page.show("today/today.html")


@router.get("/today/waiting")
async def what_waits(page: CurrentPage) -> Response:
    """What waits for a person: files, contracts and agreements to decide, disputes near their deadline, what was set
    aside."""
    figures, undecided, *parked = await asyncio.gather(
        page.attempt(page.services.get("portfolio", "/v1/today")),
        page.attempt(page.services.get("promises", "/v1/agreements", undecided="true")),
        *(page.attempt(page.services.get(service, "/v1/parked-keys")) for service in PARKING),
    )
    known = waiting(figures) if isinstance(figures, list) else figures
    answers = [each for each in parked if isinstance(each, dict)]
    return page.show(
        "today/waiting.html",
        waiting=known,
        undecided=undecided,
        parked=sum(len(each["items"]) for each in answers),
        more_parked=any(each["next_cursor"] for each in answers),
        silent=[service for service, each in zip(PARKING, parked, strict=True) if not isinstance(each, dict)],
    )


@router.get("/today/stages")
async def stages(page: CurrentPage) -> Response:
    """What is owed by stage, with the difference from the day before, each currency alone."""
    steps, stages = await asyncio.gather(
        page.attempt(page.services.get("portfolio", "/v1/insight/waterfall")),
        page.attempt(page.services.get("portfolio", "/v1/stages")),
    )
    # A portfolio of an earlier release knows the totals alone.
    known = differences(steps["items"]) if isinstance(steps, dict) else {}
    return page.show("today/stages.html", by_currency=known, stages=stages)


@router.get("/today/money")
async def money(page: CurrentPage) -> Response:
    """What was paid on the business date and on the day before, each currency alone."""
    return page.show("today/money.html", money=await page.attempt(_money(page)))


async def _money(page: Page) -> dict[str, Any]:
    day = await _business_date(page)
    if day is None:
        return {"day": None, "rows": []}
    before = day - timedelta(days=1)
    of_today, of_yesterday = await asyncio.gather(
        *(page.services.get("portfolio", "/v1/day-totals", day=each.isoformat()) for each in (day, before))
    )
    then = sums_by_currency(of_yesterday)
    return {"day": day, "rows": [(now, then.get(code)) for code, now in sums_by_currency(of_today).items()]}


async def _business_date(page: Page) -> date | None:
    known = (await page.services.get("portfolio", "/v1/portfolios", limit=1000, returned=False))["items"]
    days = [date.fromisoformat(each["business_date"]) for each in known if each["business_date"]]
    return max(days, default=None)


@router.get("/today/lists")
async def lists(page: CurrentPage) -> Response:
    """The live lists: entries, withdrawals and their seconds, wrongful calls."""
    found = await page.attempt(page.services.get("dialer-feed", "/v1/live-lists"))
    return page.show("today/lists.html", lists=found, agencies=await names.agencies(page))


@router.get("/today/payments")
async def payments(page: CurrentPage) -> Response:
    """The latest payments, as they happen."""
    hub: Hub = page.request.app.state.hub
    changes = hub.payments()[:_SHOWN]
    return page.show(
        "today/payments.html", changes=changes, debtors=await names.contracts(page, (each.fields for each in changes))
    )


@router.get("/today/withdrawals")
async def withdrawals(page: CurrentPage) -> Response:
    """The latest withdrawals, as they happen."""
    hub: Hub = page.request.app.state.hub
    changes = hub.withdrawals()[:_SHOWN]
    return page.show(
        "today/withdrawals.html",
        changes=changes,
        debtors=await names.contracts(page, (each.fields for each in changes)),
    )


@router.get("/today/breaches")
async def breaches(page: CurrentPage) -> Response:
    """The latest calls that broke a rule of contact."""
    found = await page.attempt(page.services.get("dialer-feed", "/v1/breaches", order="desc", limit=_SHOWN))
    rows = found["items"] if isinstance(found, dict) else []
    return page.show(
        "today/breaches.html",
        breaches=found,
        debtors=await names.contracts(page, rows),
        agencies=await names.agencies(page),
    )


@router.get("/today/promises")
async def promises(page: CurrentPage) -> Response:
    """The open promises that are due by the business date."""
    found = await page.attempt(_promises(page))
    rows = found["items"] if isinstance(found, dict) else []
    return page.show("today/promises.html", promises=found, debtors=await names.contracts(page, rows))


async def _promises(page: Page) -> dict[str, Any]:
    day = await _business_date(page)
    until = day.isoformat() if day else None
    found: dict[str, Any] = await page.services.get(
        "promises", "/v1/promises", state="open", due_to=until, limit=_SHOWN
    )
    return found | {"until": until}


@router.get("/today/jobs")
async def jobs(page: CurrentPage) -> Response:
    """The jobs of the day: done, due, failed; and the staging run that is under way."""
    run, *answers = await asyncio.gather(
        page.attempt(page.services.get("portfolio", "/v1/staging-runs/current")),
        *(page.attempt(page.services.get(service, "/v1/jobs")) for service in JOB_SERVICES),
    )
    order: dict[str, int] = defaultdict(int, failed=-3, due=-2, running=-1)
    found = [job for answer in answers if isinstance(answer, list) for job in answer]
    troubles = [answer for answer in answers if not isinstance(answer, list)]
    return page.show(
        "today/jobs.html",
        jobs=sorted(found, key=lambda job: order[job["state"]]),
        troubles=troubles,
        run=run if isinstance(run, dict) else None,
    )


@router.get("/today/disputes")
async def disputes(page: CurrentPage, deadline_before: str | None = None, cursor: str | None = None) -> Response:
    """The open disputes, or those whose deadline is near or over."""
    found = await page.services.get(
        "portfolio",
        "/v1/clarifications",
        state="open",
        deadline_before=deadline_before,
        cursor=cursor,
        limit=_PAGE,
    )
    return page.show(
        "today/disputes.html",
        found=found,
        debtors=await names.contracts(page, found["items"]),
        deadline_before=deadline_before,
        first=cursor is None,
    )


@router.get("/today/letters")
async def letters(page: CurrentPage, cursor: str | None = None) -> Response:
    """The letters of no debt that fulfilled agreements ask for, and that nobody has delivered."""
    found = await page.services.get("portfolio", "/v1/no-debt-letters", to_deliver="true", cursor=cursor, limit=_PAGE)
    return page.show(
        "today/letters.html",
        found=found,
        debtors=await names.contracts(page, found["items"]),
        media=LETTER_MEDIA,
        first=cursor is None,
    )


@router.post("/today/letters/{agreement_id}")
async def deliver_letter(page: CurrentPage, agreement_id: UUID) -> Response:
    """Note that the debtor has got the letter."""
    typed = await page.form()
    path = f"/v1/no-debt-letters/{agreement_id}/delivery"
    await page.services.post("portfolio", path, {"medium": typed.get("medium")}, key=typed.get("_key"))
    return page.done("/today/letters", "The delivery of the letter is noted.")


@router.get("/today/reports")
async def reports(page: CurrentPage, cursor: str | None = None) -> Response:
    """The reports of agencies about contracts that were not with them, which a person decides."""
    found = await page.services.get("portfolio", "/v1/reports", state="open", cursor=cursor, limit=_PAGE)
    return page.show(
        "today/reports.html", found=found, debtors=await names.contracts(page, found["items"]), first=cursor is None
    )


@router.post("/today/reports/{report_id}")
async def decide_report(page: CurrentPage, report_id: UUID) -> Response:
    """Apply a report, or leave it out for good."""
    typed = await page.form()
    decision = {"apply": typed.get("apply") == "yes"}
    await page.services.post("portfolio", f"/v1/reports/{report_id}/decision", decision, key=typed.get("_key"))
    return page.done("/today/reports", "The report is applied." if decision["apply"] else "The report is left out.")
