"""What an event changes on the pages: pages name these subjects in ``data-live``, and are drawn anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from recobro_events import CannotContinue, Record, envelope_of

# By the beginning of the event's type; the longest that fits counts.
_SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "portfolio.contract-": ("contracts",),
        "portfolio.payment-": ("payments", "contracts"),
        "portfolio.clarification-": ("disputes", "contracts"),
        "portfolio.contact-point-": ("contracts",),
        "portfolio.debtor-": ("contracts",),
        "portfolio.portfolio-": ("portfolios", "files"),
        "dialer-feed.list-": ("lists",),
        "dialer-feed.withdrawal-": ("lists",),
        "dialer-feed.call-": ("calls",),
        "dialer-feed.wrongful-": ("calls", "lists"),
        "dialer-feed.": ("reports",),
        "field-visits.visit-": ("visits",),
        "field-visits.": ("reports", "visits"),
        "promises.": ("promises",),
        "assignment.agency-": ("agencies",),
        "assignment.commission-": ("commissions",),
        "assignment.": ("placements",),
        "runtime.contract-": ("parked",),
    }
)
_PREFIXES = sorted(_SUBJECTS, key=len, reverse=True)
_OF_ONE = {"contract_id": "contract", "list_id": "list", "visit_id": "visit", "file_id": "file"}


@dataclass(frozen=True)
class Change:
    """An event as pages need it: the subjects that it changes, its agency, its type, time and fields."""

    subjects: frozenset[str]
    agency_id: str | None
    type: str
    at: datetime
    fields: Mapping[str, Any]


def change_of(record: Record) -> Change | None:
    """Return what a record changes. None for a record that changes no page, and for one that cannot be read."""
    try:
        envelope = envelope_of(record.headers)
    except CannotContinue:
        return None
    prefix = next((prefix for prefix in _PREFIXES if envelope.type.startswith(prefix)), None)
    if prefix is None or envelope.audience is not None:
        return None
    fields = _fields(record.value)
    single = {f"{name}:{fields[field]}" for field, name in _OF_ONE.items() if isinstance(fields.get(field), str)}
    agency = fields.get("agency_id")
    return Change(
        frozenset(_SUBJECTS[prefix]) | single,
        agency if isinstance(agency, str) else None,
        envelope.type,
        envelope.occurred_at,
        fields,
    )


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
