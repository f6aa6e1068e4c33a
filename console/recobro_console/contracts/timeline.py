"""The life of a contract as one timeline: portfolio's history, and the lists of dialer-feed between its lines.

portfolio's history has what every service has stated about the contract, but not the lists. So the entries of a page's
span of time are put between the lines of that page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from recobro_console import names
from recobro_console.calls import Trouble
from recobro_console.language import sentences
from recobro_console.pages import Page

LISTS = "lists"
_MONEY = ("payment_received", "payment_reversed", "payment_claimed", "closed", "withdrawn", "registered", "revised")
_CONTACTS = ("call", "wrongful_call", "contact_point_changed", "contact_data_collected", "contact_data_refused")
_VISITS = ("visit_ordered", "visit", "visit_cancelled", "address_collected", "address_checked", "address_refused")
_SILENCES = (
    *("clarification_requested", "clarification_opened", "clarification_resolved", "clarification_deadline_near"),
    *("clarification_deadline_passed", "paused", "resumed", "debtor_status_changed", "set_aside", "replayed"),
)
_PLACEMENTS = ("placed", "recall_requested", "recalled", "reinstated", "placement_ended")
_PROMISES = (
    *("promise_made", "promise_kept", "promise_partly_kept", "promise_broken", "promise_reopened"),
    *("promise_cancelled", "agreement_reached", "agreement_broken", "agreement_fulfilled", "agreement_reopened"),
)
GROUPS: Mapping[str, Sequence[str]] = {
    "money": (*_MONEY, "stage_changed", "amended", "incomplete"),
    "calls": _CONTACTS,
    "visits": _VISITS,
    "silences": _SILENCES,
    "placements": _PLACEMENTS,
    "promises": _PROMISES,
    LISTS: (),
}
"""What the timeline can be limited to, with portfolio's kinds of lines in each group."""

_DETAILS: Mapping[str, Sequence[str]] = {
    "payment_received": ("amount", "channel", "paid_on"),
    "payment_reversed": ("amount", "reason"),
    "stage_changed": ("from_stage", "to_stage", "cause", "days_past_due"),
    "call": ("direction", "disposition", "duration_seconds"),
    "visit_ordered": ("visit_on", "visitor"),
    "visit": ("outcome", "attended_by", "reason_for_non_payment"),
    "visit_cancelled": ("reason", "detail"),
    "clarification_requested": ("reason",),
    "clarification_opened": ("reason", "opened_by"),
    "clarification_resolved": ("outcome", "document"),
    "paused": ("starts_on", "ends_on", "reason"),
    "resumed": ("starts_on", "ends_on", "reason"),
    "debtor_status_changed": ("status", "reported_by", "detail"),
    "contact_point_changed": ("change", "medium", "reason"),
    "contact_data_collected": ("kind",),
    "address_checked": ("verdict",),
    "placed": ("kind", "starts_on", "ends_on"),
    "recall_requested": ("kind", "reason", "final_on"),
    "recalled": ("kind", "reason"),
    "reinstated": ("kind", "reason"),
    "placement_ended": ("kind", "reason"),
    "promise_made": ("promised", "due_on", "made_in"),
    "promise_kept": ("paid", "promised"),
    "promise_partly_kept": ("paid", "promised"),
    "promise_broken": ("paid", "promised"),
    "promise_reopened": ("paid", "promised"),
    "promise_cancelled": ("reason",),
    "registered": ("as_of",),
    "revised": ("as_of",),
    "withdrawn": ("as_of",),
    "set_aside": ("service", "reason"),
    "replayed": ("service",),
}
_AMOUNTS = frozenset({"amount", "promised", "paid", "discount"})
_TEXTS = frozenset({"visitor", "reported_by", "detail", "document", "service", "reason_for_non_payment"})
_LONGEST_LIST = timedelta(days=3)
_ON_A_PAGE = 40


@dataclass(frozen=True)
class Told:
    """A line of the timeline. ``who`` acted; null where time or an event alone did."""

    at: str
    kind: str
    details: Sequence[tuple[str, str]]
    who: str | None
    list_id: str | None = None


@dataclass(frozen=True)
class Timeline:
    """A page. ``cursor`` and ``before`` name the next one. ``missing``: the service whose lines are not here."""

    lines: Sequence[Told]
    cursor: str | None
    before: str | None
    missing: Trouble | None = None


async def read(page: Page, contract_id: UUID, show: str, cursor: str | None, before: str | None) -> Timeline:
    """Return a page of the timeline, newest first. ``show`` is one of ``GROUPS``, or empty for all."""
    items: list[dict[str, Any]] = []
    next_cursor: str | None = None
    if show != LISTS:
        kinds = GROUPS.get(show)
        path = f"/v1/contracts/{contract_id}/history"
        found = await page.services.get("portfolio", path, order="desc", limit=_ON_A_PAGE, cursor=cursor, kind=kinds)
        items, next_cursor = found["items"], found["next_cursor"]
    listed: Any = []
    if show in ("", LISTS) and not page.session.agency_id:
        since = items[-1]["at"] if items and next_cursor else None
        listed = await page.attempt(_lists(page, contract_id, _moment(since), _moment(before)))
    has_agencies = any(item["data"].get("agency_id") for item in items)
    known = await names.agencies(page) if has_agencies else names.Names()
    lines = [_told(page, item, known) for item in items]
    missing = listed if isinstance(listed, Trouble) else None
    lines += [] if missing else listed
    lines.sort(key=lambda line: datetime.fromisoformat(line.at), reverse=True)
    return Timeline(lines, next_cursor, items[-1]["at"] if items else None, missing)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


async def _lists(page: Page, contract_id: UUID, since: datetime | None, before: datetime | None) -> list[Told]:
    """When the contract came on a list and left it, from ``since`` on and before ``before``."""
    lines: list[Told] = []
    async for entry in page.services.items(
        "dialer-feed", "/v1/list-entries", contract_id=contract_id, order="desc", limit=100
    ):
        for kind, at, reason in (
            ("listed", entry["published_at"], None),
            ("list_withdrawn", entry["withdrawn_at"], entry["reason"]),
        ):
            moment = _moment(at)
            if moment and (since is None or moment >= since) and (before is None or moment < before):
                details = [(page.tr("campaign"), entry["campaign_name"])]
                details += [(page.tr("reason"), page.reader.word(reason))] if reason else []
                lines.append(Told(at, kind, details, None, entry["list_id"]))
        published = _moment(entry["published_at"])
        if since is not None and published is not None and published < since - _LONGEST_LIST:
            break
    return lines


def _told(page: Page, item: Mapping[str, Any], agencies: names.Names) -> Told:
    data = item["data"]
    details = [
        (page.tr(name.replace("_", " ")), _written(page, name, data[name]))
        for name in _DETAILS.get(item["kind"], ())
        if data.get(name) not in (None, "", [])
    ]
    if agency_id := data.get("agency_id"):
        details.insert(0, (page.tr("agency"), agencies[agency_id]))
    return Told(item["at"], item["kind"], details, _who(item))


def _written(page: Page, name: str, value: Any) -> str:
    if name in _AMOUNTS:
        return page.reader.money(str(value))
    if name.endswith("_on") or name == "as_of":
        return page.reader.day(str(value))
    if name in _TEXTS or not isinstance(value, str):
        return str(value)
    # Some codes have other words as another field.
    own = f"{name} {value}"
    return page.reader.word(own if f"word {own}" in sentences() else value)


def _who(item: Mapping[str, Any]) -> str | None:
    data, actor = item["data"], item["actor"]
    if actor is None:
        called = data.get("agent") or data.get("dialer_id")
        return None if called is None else str(called)
    delegated = actor["on_behalf_of"]
    return f"{actor['subject']} ({delegated})" if delegated else str(actor["subject"])
