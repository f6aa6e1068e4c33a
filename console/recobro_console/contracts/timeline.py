"""The life of a contract as one timeline: portfolio's history, with each line in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from recobro_console import names
from recobro_console.pages import Page

_MONEY = (
    *("payment_received", "payment_reversed", "payment_claimed", "charge_taken", "charge_reversed"),
    *("closed", "withdrawn", "registered", "revised"),
)
_CONTACTS = (
    *("call", "attempt", "wrongful_call", "contact_point_changed", "party_changed", "contact_data_collected"),
    *("contact_data_refused", "convenience_stated", "convenience_removed", "convenience_spread"),
)
_VISITS = (
    *("visit_ordered", "visit", "visit_cancelled", "visit_reinstated"),
    *("address_collected", "address_checked", "address_refused"),
)
_SILENCES = (
    *("clarification_requested", "clarification_opened", "clarification_resolved", "clarification_deadline_near"),
    *("clarification_deadline_passed", "paused", "resumed", "debtor_status_changed", "set_aside", "replayed"),
)
_PLACEMENTS = ("placed", "recall_requested", "recalled", "reinstated", "placement_ended")
_PROMISES = (
    *("promise_made", "promise_kept", "promise_partly_kept", "promise_broken", "promise_reopened"),
    *("promise_cancelled", "agreement_reached", "agreement_broken", "agreement_fulfilled", "agreement_reopened"),
    *("agreement_proposed", "agreement_cancelled", "agreement_settled"),
    "letter_delivered",
)
GROUPS: Mapping[str, Sequence[str]] = {
    "money": (
        *(*_MONEY, "stage_changed", "nears_stage", "segment_changed", "escalated", "notice_recorded"),
        *("amended", "incomplete"),
    ),
    "calls": _CONTACTS,
    "visits": _VISITS,
    "silences": _SILENCES,
    "placements": _PLACEMENTS,
    "promises": _PROMISES,
    "lists": ("listed", "list_withdrawn", "withdrawal_acknowledged"),
}
"""What the timeline can be limited to, with portfolio's kinds of lines in each group."""

_ON_A_PAGE = 40


@dataclass(frozen=True)
class Line:
    """A line of the timeline. ``who`` acted, ``agency`` is the one that the line names; each may be null."""

    at: str
    summary: str
    who: str | None
    agency: str | None
    list_id: str | None


@dataclass(frozen=True)
class Timeline:
    """A page. ``cursor`` names the next one."""

    lines: Sequence[Line]
    cursor: str | None


async def read(page: Page, contract_id: UUID, show: str, cursor: str | None) -> Timeline:
    """Return a page of the timeline, newest first. ``show`` is one of ``GROUPS``, or empty for all."""
    path = f"/v1/contracts/{contract_id}/history"
    kinds = GROUPS.get(show)
    found = await page.services.get("portfolio", path, order="desc", limit=_ON_A_PAGE, cursor=cursor, kind=kinds)
    items = found["items"]
    for item in items:
        item["who"] = _who(item["actor"])
    await names.spoken(page, found, "summary", "who")
    has_agencies = any(item["data"].get("agency_id") for item in items)
    known = await names.agencies(page) if has_agencies else names.Names()
    return Timeline([_line(item, known) for item in items], found["next_cursor"])


def _line(item: Mapping[str, Any], agencies: names.Names) -> Line:
    data = item["data"]
    agency_id = data.get("agency_id")
    return Line(
        item["happened_at"] or item["at"],
        item["summary"],
        item["who"],
        agencies[agency_id] if agency_id else None,
        data.get("list_id") if item["kind"] in GROUPS["lists"] else None,
    )


def _who(actor: Mapping[str, Any] | None) -> str | None:
    if actor is None:
        return None
    delegated = actor["on_behalf_of"]
    return f"{actor['subject']} ({delegated})" if delegated else str(actor["subject"])
