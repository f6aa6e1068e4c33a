"""Promises and plans of all contracts: what is due, what was broken, and how plans stand. An agency sees its own."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.forms import today_in
from recobro_console.pages import EVERYBODY, CurrentPage, Page, Router

STATES = ("open", "kept", "partly_kept", "broken", "cancelled")
PLAN_STATES = (
    *("proposed", "awaiting_approval", "awaiting_acceptance"),
    *("open", "active", "fulfilled", "broken", "cancelled"),
)
VIEWS = ("today", "week", "broken", "all", "plans", "undecided")
_GRACE_DAYS = 2
_ON_A_PAGE = 50
_MOST_PORTFOLIOS = 1000
router = Router(EVERYBODY)


@router.get("/promises")
async def promises(
    page: CurrentPage,
    view: str = "today",
    state: str = "",
    due_from: str = "",
    due_to: str = "",
    cursor: str | None = None,
) -> Response:
    """The page. Its list loads by itself and is drawn anew when a promise has changed."""
    view = view if view in VIEWS else VIEWS[0]
    wanted = {"view": view, "state": state, "due_from": due_from, "due_to": due_to, "cursor": cursor or ""}
    return page.show(
        "promises/promises.html",
        views=VIEWS,
        wanted=wanted,
        states=PLAN_STATES if view == "plans" else STATES,
    )


@router.get("/promises/list")
async def listed(
    page: CurrentPage,
    view: str = "today",
    state: str = "",
    due_from: str = "",
    due_to: str = "",
    cursor: str | None = None,
) -> Response:
    """The promises or plans of a view, with numbers and names of their contracts."""
    day = await _business_date(page)
    path = "/v1/agreements" if view in ("plans", "undecided") else "/v1/promises"
    order = "asc" if view == "undecided" else "desc"
    asked = _filter(view, day, state, due_from, due_to)
    found = await page.attempt(
        page.services.get("promises", path, **asked, cursor=cursor, order=order, limit=_ON_A_PAGE)
    )
    known: Any = {}
    agencies = names.Names()
    if not isinstance(found, Trouble):
        known = await names.contracts(page, found["items"])
        if any(each["agency_id"] for each in found["items"]):
            agencies = await names.agencies(page)
    wanted = {"view": view, "state": state, "due_from": due_from, "due_to": due_to}
    return page.show(
        "promises/list.html",
        found=found,
        contracts=known,
        agencies=agencies,
        day=day,
        ended=day - timedelta(days=1),
        paid_of=lambda plan: sum((Decimal(each["paid"]) for each in plan["instalments"]), Decimal(0)),
        first=not cursor,
        wanted=wanted,
    )


def _filter(view: str, day: date, state: str, due_from: str, due_to: str) -> dict[str, str]:
    """What the service is asked for. A promise's time is over two days after it was due."""
    broken = str(day - timedelta(days=_GRACE_DAYS + 1))
    return {
        "today": {"state": "open", "due_from": str(day), "due_to": str(day)},
        "week": {"state": "open", "due_from": str(day), "due_to": str(day + timedelta(days=6))},
        "broken": {"state": "broken", "due_from": broken, "due_to": broken},
        "plans": {"state": state},
        "undecided": {"undecided": "true"},
    }.get(view, {"state": state, "due_from": due_from, "due_to": due_to})


async def _business_date(page: Page) -> date:
    """The latest business date that the user can see, by which promises are judged; else today."""
    if page.session.agency_id:
        found = await page.attempt(page.services.get("portfolio", "/v1/contracts", limit=1))
        name = "as_of"
    else:
        found = await page.attempt(
            page.services.get("portfolio", "/v1/portfolios", limit=_MOST_PORTFOLIOS, returned=False)
        )
        name = "business_date"
    days = [] if isinstance(found, Trouble) else [each[name] for each in found["items"] if each[name]]
    return date.fromisoformat(max(days)) if days else today_in(page.reader, None)
