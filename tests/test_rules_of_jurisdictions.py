"""Every rule of a jurisdiction is read by code, or stands here as one that people apply.

So nobody takes a rule that stands in a profile for one that the platform keeps.
"""

import importlib
import re
from pathlib import Path

import pytest
from jurisdictions import codes, profile, profile_of_region, regions
from jurisdictions.profiles import Profile

REPOSITORY = Path(__file__).parents[1]
BY_PEOPLE = {
    "regulators": "told to people",
    "agency_may_take_money": "no agency takes money on this platform, whatever the profile",
    "opt_out": "opt-outs hold by medium everywhere",
    "moratorium": "entered as a pause",
    "time_barred": "told to people",
    "credit_bureau": "no bureau is told yet",
    "record_keeping": "in words; records_years is read",
    "uncollectible": "told to people",
}
"""The fields of a profile that no code reads, and why."""
FURTHER = {
    "zone_conflict": "jurisdictions.contact:joint_window",
    "frequency_counts": "dialer_feed.lists.frequency:nearest",
    "inconvenient": "jurisdictions.convenience:convenient_parts",
    "workplace": "dialer_feed.lists.phones:dialable",
    "amount_breakdown": "projections.contracts:COMPONENTS",
    "agency_register": None,
    "bureau_notice_first": None,
    "cease": None,
    "complaints": None,
    "electronic_messages": None,
    "finiquito": None,
    "legal_hold": None,
    "no_overshadowing": None,
    "original_creditor_request": None,
    "proof_of_debt": None,
    "protected_people": None,
    "recording_copy_days": None,
    "repep": None,
    "third_party_contacts": None,
    "validation_notice": None,
}
"""The rules in words, each with the code that keeps it; None: people do."""


def _code() -> str:
    files = (file for root in ("libs", "services") for file in (REPOSITORY / root).rglob("*.py"))
    return "\n".join(
        file.read_text()
        for file in files
        if not {"tests", ".venv"} & set(file.parts) and file.name not in ("profiles.py",)
    )


def test_every_field_of_a_profile_is_read_or_named_here() -> None:
    code = _code()
    unread = {name for name in Profile.model_fields if not re.search(rf"\.{name}\b", code)}
    assert unread == BY_PEOPLE.keys()


def test_every_further_rule_is_named_here() -> None:
    profiles = [*map(profile, codes()), *(profile_of_region(*place) for place in regions())]
    assert {name for one in profiles for name in one.further} == FURTHER.keys()


@pytest.mark.parametrize("place", [place for place in FURTHER.values() if place])
def test_the_code_that_keeps_a_further_rule_is_there(place: str) -> None:
    module, _, name = place.partition(":")
    assert hasattr(importlib.import_module(module), name)
