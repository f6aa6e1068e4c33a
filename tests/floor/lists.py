"""The day's lists of the model: who gets an entry, whom it names, and who was called too often for one."""

from collections.abc import Sequence
from datetime import date, timedelta

from floor.facts import Call, Entry
from floor.model import Contract


def shown_on_list(one: Contract) -> str:
    """What the day's list says of the contract now."""
    if one.entry is None:
        return "not on the list"
    if one.entry.lead is None:
        return one.entry.withdrawn or "listed"
    lead = one.entry.lead
    is_named = one.entry.withdrawn is None and lead.entry is not None and lead.entry.withdrawn is None
    return f"named by {lead.number}" if is_named else "not on the list"


def named_by_entries(contracts: Sequence[Contract]) -> dict[str, list[Contract]]:
    """For each contract that an entry names now, by its number: the other contracts that the entry names."""
    entries: dict[str, list[Contract]] = {}
    for one in contracts:
        if one.entry is not None and shown_on_list(one) not in (one.entry.withdrawn, "not on the list"):
            entries.setdefault((one.entry.lead or one).number, []).append(one)
    return {one.number: [other for other in named if other is not one] for named in entries.values() for one in named}


def attempts(theirs: Sequence[Contract], day: date, *, before: Call | None = None) -> int:
    """How often a person with these contracts was called in the seven days up to this one, ``before`` this call."""
    calls = {call.call_id: call for one in theirs for call in one.calls}.values()
    week = [call for call in calls if day - timedelta(days=7) < call.day <= day]
    return sum(before is None or call < before for call in week)


def list_of(
    contracts: Sequence[Contract], day: date, agency_id: str, *, one_per_person: bool, most_attempts: int
) -> None:
    """Put the contracts on the agency's list. The one with the largest overdue balance leads those of its person.

    Who was called often enough stays off it.
    """
    of_person: dict[str, list[Contract]] = {}
    for one in contracts:
        of_person.setdefault(one.person.number, []).append(one)
    barred = {number for number, theirs in of_person.items() if attempts(theirs, day) >= most_attempts}
    listed = [one for one in contracts if one.is_listed(day, agency_id) and one.person.number not in barred]
    leads: dict[str, Contract] = {}
    for one in sorted(listed, key=lambda one: (-one.overdue(day), -one.days_past_due(day), one.number)):
        lead = leads.setdefault(one.person.number, one) if one_per_person else one
        one.entry = Entry(agency_id, None if lead is one else lead)
