"""Whether a dialer may call now: the reasons of a refusal, in their order. Pure decisions without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

NO_CAMPAIGN = UUID(int=0)
"""Stands in for the campaign where a permit has none: the creditor's own people call from the desk."""

SENTENCES: Mapping[str, str] = {
    "stale": "It is not known for sure whether a call is allowed. Ask again in a few seconds.",
    "list_over": "The list is over. Request the entries of the campaign's next list.",
    "number_not_listed": "The contract is not on the list, or not with this number.",
    "unknown_number": "The contract does not have this number.",
    "unusable_number": "This number is wrong, or the debtor does not want to be called on it.",
    "workplace": "This number belongs to the debtor's workplace.",
    "suppressed": "This number is on a list of numbers that nobody may call.",
    "caller_id_not_registered": "The caller id is not one of the campaign's registered numbers.",
    "inconvenient": "The debtor has said that calls at this time or in this way are inconvenient.",
    "holiday": "Today is a holiday where the debtor may be.",
    "outside_hours": "Calls are not allowed at this hour where the debtor may be.",
    "frequency": "The person has been contacted as often as is allowed, or has spoken with us in the last days.",
    "payment": "A payment has arrived. Nobody may call on the days without contact after it.",
    "payment_claimed": "The debtor says that the debt is paid. Nobody may call on the days without contact after that.",
    "clarification": "The debtor disputes the debt.",
    "promise": "The debtor has promised to pay, and the day has not passed.",
    "with_agency": "An agency collects the contract, so our own people do not call.",
    "recall": "The contract has been recalled from the agency.",
    "deceased": "The debtor is deceased.",
    "represented": "The debtor is represented.",
    "opted_out": "The debtor does not want to be called.",
    "wrong_number": "The number does not reach the debtor.",
    "no_phone": "The contract has no number that may be called.",
    "ruling": "The contract has been ruled uncollectible.",
    "closed": "The contract is closed.",
    "paused": "The contract is paused.",
    "step": "The step of the ladder at which the contract stands allows no calls, or no campaign of this kind.",
    "no_longer_eligible": "The contract does not fit the campaign any more.",
    "unknown_state": "A person has to decide about the contract first.",
    "other": "The dialer has taken the contract off the list.",
}
"""Every reason of a refusal, with the sentence that explains it."""

REASONS = tuple(SENTENCES)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the service itself knows of its knowledge. ``heard_at`` is when it was last known to be complete."""

    heard_at: datetime | None
    is_rebuilding: bool
    is_stopped: bool

    def is_stale(self, at: datetime, most: timedelta) -> bool:
        """Whether the knowledge may be incomplete, or is older than ``most``."""
        return self.is_rebuilding or self.is_stopped or self.heard_at is None or at - self.heard_at > most


@dataclass(frozen=True, slots=True)
class Times:
    """How often a person was contacted within 7 days, permits in force included, and how often they may be."""

    attempts: int
    most: int
    spoke: bool

    @property
    def are_used_up(self) -> bool:
        return self.spoke or self.attempts >= self.most


_UNFIT = frozenset({"no_phone", "no_longer_eligible"})
"""Reasons for which a contract is not on the list, and which silence nobody."""


def refusal(facts: Mapping[str, Any], knowledge: Knowledge, times: Times, most_age: timedelta) -> str | None:
    """Return why the call is refused: the first reason that holds; None if it is allowed.

    ``facts`` is the row of the question, with ``closes_at`` and ``is_holiday`` of the hours, whether the caller id
    ``is_registered``, whether the person ``wants_no_calls``, whether the ladder's ``step_forbids`` calls, whether the
    hour or the day ``is_inconvenient``, and whether the question ``is_of_desk``.
    """
    bars, left = facts["bars"], facts["left_because_of"]
    if bars == "opted_out" and facts["wants_no_calls"]:
        bars = "inconvenient"
    if bars == "no_longer_eligible" and facts["step_forbids"]:
        bars = "step"
    elif bars == "no_longer_eligible" and facts["is_of_desk"]:
        bars = "with_agency"  # No conditions of a campaign hold at the desk, so this is what is left.
    hours = None if facts["closes_at"] is not None else "holiday" if facts["is_holiday"] else "outside_hours"
    reasons = (
        "stale" if facts["is_stale"] or knowledge.is_stale(facts["at"], most_age) else None,
        bars if bars not in _UNFIT else None,
        "list_over" if facts["list_is_over"] else None,
        left,
        _of_number(facts),
        bars,
        None if facts["is_registered"] else "caller_id_not_registered",
        "frequency" if times.are_used_up else None,
        hours,
        "inconvenient" if facts["is_inconvenient"] else None,
    )
    return next((reason for reason in reasons if reason is not None), None)


def _of_number(facts: Mapping[str, Any]) -> str | None:
    """Return why this number may not be called, whatever holds for the contract."""
    if facts["number_is_of_employer"]:
        return "workplace"
    if facts["number_is_suppressed"]:
        return "suppressed"
    if facts["number_is_listed"]:
        return None
    if facts["reported_of_number"] is not None:
        return str(facts["reported_of_number"])
    if facts["number_is_usable"] is False:
        return "unusable_number"
    return "unknown_number" if facts["is_of_desk"] else "number_not_listed"
