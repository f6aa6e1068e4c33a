"""A rule of a jurisdiction that no code reads protects nobody. Until it is read it is named here."""

from pathlib import Path

import jurisdictions
from field_visits.documents import letter
from jurisdictions.profiles import Profile

ROOT = Path(__file__).parents[1]
NOT_READ_YET = {
    "regulators",
    "opt_out",
    "agency_may_take_money",
    "moratorium",
    "time_barred",
    "credit_bureau",
    "record_keeping",
    "uncollectible",
}
DESCRIPTIVE = {"code", "name"}
NOT_STATED_YET = {
    "US": {"validation notice within 5 days", "30 days to dispute", "receipt assumed after 5 business days"},
    "GB": {"visit notice and purpose"},
}


def test_rules_that_no_code_reads_are_named() -> None:
    sources = [
        file.read_text()
        for folder in ("services", "libs", "cli")
        for file in (ROOT / folder).rglob("*.py")
        if "tests" not in file.parts and file.name != "profiles.py"
    ]
    unread = {name for name in Profile.model_fields if not any(f".{name}" in source for source in sources)}
    assert unread - DESCRIPTIVE == NOT_READ_YET


def test_what_a_first_notice_must_state_and_letters_do_not_is_named() -> None:
    must = {
        code: set(jurisdictions.profile(code).first_notice_must_state.value or ()) for code in jurisdictions.codes()
    }
    found = {code: names - letter.STATED for code, names in must.items()}
    assert {code: names for code, names in found.items() if names} == NOT_STATED_YET
