"""Conditions of a worklist as fields of a form, and back. The service checks what they mean."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

STAGES = ("early", "late", "legal")
STEPS = ("reminder", "direct_contact", "extrajudicial_notice", "judicial_notice")
_SPANS = ("overdue_balance", "debt_age_days")
_DAYS = ("promise_broken_days", "no_contact_days")
_FLAGS = ("payment_claimed", "address_to_review")


def worklist_from(form: Mapping[str, str], everything: FormData) -> dict[str, Any]:
    """The name and the conditions that a form names."""
    when: dict[str, Any] = {}
    for name in ("stages", "steps", "segments"):
        if chosen := [one for one in everything.getlist(name) if isinstance(one, str)]:
            when[name] = chosen
    for name in _SPANS:
        span = {end: number(form[key]) for end in ("min", "max") if form.get(key := f"{name}-{end}")}
        if span:
            when[name] = span
    when |= {name: number(form[name]) for name in _DAYS if form.get(name)}
    when |= {name: True for name in _FLAGS if form.get(name)}
    return {"name": form.get("name", ""), "when": when}


def number(text: str) -> int | str:
    """The number, or the text for the service to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text


def moment_of(text: str, zone: str | None) -> str:
    """The moment that a field of date and time names in the zone, or the text for the service to refuse."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone or "UTC")).isoformat()
    except ValueError:
        return text
