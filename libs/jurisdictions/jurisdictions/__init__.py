"""Contact and debt rules as data, read by pure functions.

Each country has a profile in ``data/``; no rule of a country is written in code. The functions read no clock, and do
no I/O beyond reading the profiles once.
"""

from jurisdictions.contact import (
    callable_window,
    caller_ids_are_registered,
    clarification_deadline,
    clarification_warning,
    contact_may_resume_after_rejection,
    is_holiday,
    joint_window,
    max_calls_per_7_days,
    may_be_contacted,
    unconnected_calls_count,
    verification_needs_proof,
    visits_allowed,
)
from jurisdictions.convenience import convenient_parts, refuses
from jurisdictions.identity import (
    dialable_phone,
    forms_of_numbers,
    generic_tax_ids,
    tax_id_has_check_digit,
    tax_id_is_nobodys,
    tax_id_kind,
    tax_id_mark,
    tax_id_problem,
)
from jurisdictions.places import (
    Place,
    default_timezone,
    places_of_address,
    places_of_country,
    places_of_phone,
    postal_code_issue,
    state_named,
)
from jurisdictions.profiles import (
    Confidence,
    Profile,
    Rule,
    UnknownJurisdiction,
    codes,
    profile,
    profile_of_region,
    regions,
)

__all__ = [
    "Confidence",
    "Place",
    "Profile",
    "Rule",
    "UnknownJurisdiction",
    "callable_window",
    "caller_ids_are_registered",
    "clarification_deadline",
    "clarification_warning",
    "codes",
    "contact_may_resume_after_rejection",
    "convenient_parts",
    "default_timezone",
    "dialable_phone",
    "forms_of_numbers",
    "generic_tax_ids",
    "is_holiday",
    "joint_window",
    "max_calls_per_7_days",
    "may_be_contacted",
    "places_of_address",
    "places_of_country",
    "places_of_phone",
    "postal_code_issue",
    "profile",
    "profile_of_region",
    "refuses",
    "regions",
    "state_named",
    "tax_id_has_check_digit",
    "tax_id_is_nobodys",
    "tax_id_kind",
    "tax_id_mark",
    "tax_id_problem",
    "unconnected_calls_count",
    "verification_needs_proof",
    "visits_allowed",
]
