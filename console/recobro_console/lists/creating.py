"""A new campaign as its form says it."""

import re
from collections.abc import Sequence
from typing import Any

from recobro_console.forms import Values, amount_of
from recobro_console.language import Reader

CHOICES = {
    "kinds": ("blaster", "predictive", "manual", "preventive"),
    "stages": ("current", "early", "late", "legal"),
    "steps": ("reminder", "direct_contact", "extrajudicial_notice", "judicial_notice"),
    "orders": ("balance", "days_past_due", "last_contact"),
    "phone_orders": ("verified", "mobile", "last_answered"),
}
_PHONES = ("phone_1", "phone_2", "phone_3")


def campaign_of(
    reader: Reader, form: Values, stages: Sequence[str], segments: Sequence[str], steps: Sequence[str]
) -> dict[str, Any]:
    """Return the campaign as the service takes it. What belongs to another kind of campaign is left out."""
    wishes = [form[name] for name in _PHONES if form.get(name)]
    body: dict[str, Any] = {
        "name": form.get("name", ""),
        "agency_id": form.get("agency_id") or None,
        "one_entry_per": form.get("one_entry_per", "person"),
        "parties": "parties" in form,
        "kind": form.get("kind") or "blaster",
        "segments": list(segments) or None,
        "steps": list(steps) or None,
        "list_order": form.get("list_order") or None,
        "daily_size": _number(form.get("daily_size")),
        "phones_per_entry": _number(form.get("phones_per_entry")),
        "phone_order": wishes,
    }
    if body["kind"] == "preventive":
        due = {"due_within_days": _number(form.get("due_within_days"))}
        return body | due | {"min_total": amount_of(reader, form.get("min_total", "")) or None}
    return body | {"min_overdue": amount_of(reader, form.get("min_overdue", "")) or "0.00", "stages": list(stages)}


def _number(text: str | None) -> int | str | None:
    """The number, or what was typed for the service to refuse."""
    return (int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text) if text else None
