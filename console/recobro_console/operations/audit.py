"""Who changed what, service by service."""

import uuid
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from recobro_platform import SERVICE_NAMES
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.operations.api import OPERATORS, known_service
from recobro_console.pages import CurrentPage, Page, Router

_AT_ONCE = 50
router = Router(OPERATORS)


@router.get("/operations/audit")
async def audit(
    page: CurrentPage,
    service: str = "portfolio",
    subject: str = "",
    of: str = "",
    first_day: str = "",
    last_day: str = "",
    cursor: str | None = None,
) -> Response:
    """The entries of one service, newest first: by person, by contract or another id, by day."""
    wanted = {"service": service, "subject": subject, "of": of, "first_day": first_day, "last_day": last_day}
    found: Any = {"items": [], "next_cursor": None}
    wrong = None
    try:
        found = await page.services.get(
            known_service(service),
            "/v1/audit",
            **{"from": _moment(page, first_day, 0), "to": _moment(page, last_day, 1)},
            subject=subject.strip(),
            object=await _id_of(page, of.strip()) if of.strip() else None,
            order="desc",
            limit=_AT_ONCE,
            cursor=cursor,
        )
    except _NotFound:
        wrong = page.tr("No contract has this number. Write a contract number or an id.")
    except Refused as refusal:
        wrong = page.said(refusal)
    return page.show(
        "operations/audit.html",
        422 if wrong else 200,
        found=found,
        wanted=wanted,
        wrong=wrong,
        services=SERVICE_NAMES,
        first=cursor is None,
    )


class _NotFound(Exception):
    """Nothing has this number."""


async def _id_of(page: Page, text: str) -> str:
    """The id, or the id of the contract with this number."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        found = await page.services.get("portfolio", "/v1/contracts", number=text, limit=1)
    if not found["items"]:
        raise _NotFound
    return str(found["items"][0]["contract_id"])


def _moment(page: Page, day: str, days_later: int) -> str | None:
    """The beginning of the day, or of the day after it, in the reader's zone."""
    try:
        parsed = date.fromisoformat(day) + timedelta(days=days_later)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(parsed, time(), ZoneInfo(page.reader.zone)).isoformat()
