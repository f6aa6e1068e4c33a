"""Contact and debt rules as data, read by pure functions.

Each country has a profile in ``data/``; no rule of a country is written in code. The functions read no clock, and do
no I/O beyond reading the profiles once.
"""

from jurisdictions.contact import (
    callable_window,
    clarification_deadline,
    clarification_warning,
    contact_may_resume_after_rejection,
    is_holiday,
    max_calls_per_7_days,
    verification_needs_proof,
)
from jurisdictions.identity import dialable_phone, tax_id_problem
from jurisdictions.places import default_timezone, postal_code_issue, state_named, timezone_of_place
from jurisdictions.profiles import Confidence, Profile, Rule, UnknownJurisdiction, codes, profile

__all__ = [
    "Confidence",
    "Profile",
    "Rule",
    "UnknownJurisdiction",
    "callable_window",
    "clarification_deadline",
    "clarification_warning",
    "codes",
    "contact_may_resume_after_rejection",
    "default_timezone",
    "dialable_phone",
    "is_holiday",
    "max_calls_per_7_days",
    "postal_code_issue",
    "profile",
    "state_named",
    "tax_id_problem",
    "timezone_of_place",
    "verification_needs_proof",
]
