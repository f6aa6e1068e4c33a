"""The times at which a debtor may be contacted, and the effects of a dispute."""

from datetime import UTC, date, datetime

import pytest
from jurisdictions import (
    callable_window,
    clarification_deadline,
    clarification_warning,
    contact_may_resume_after_rejection,
    is_holiday,
    max_calls_per_7_days,
    profile,
    verification_needs_proof,
)

FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


def utc(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("day", [FRIDAY, SATURDAY, SUNDAY])
def test_a_financial_creditor_may_call_every_day_in_mexico(day: date) -> None:
    window = callable_window(profile("MX"), day, "America/Mexico_City", "financial")
    assert window == (utc(day.day, 13), utc(day.day + 1, 4))


@pytest.mark.parametrize(("day", "allowed"), [(FRIDAY, True), (SATURDAY, False), (SUNDAY, False)])
def test_a_commercial_creditor_may_call_on_weekdays_in_mexico(day: date, allowed: bool) -> None:
    assert (callable_window(profile("MX"), day, "America/Mexico_City", "commercial") is not None) is allowed


def test_the_hours_are_in_the_debtor_s_time_zone() -> None:
    mexico = profile("MX")
    assert callable_window(mexico, FRIDAY, "America/Cancun", "financial") == (utc(20, 12), utc(21, 3))
    assert callable_window(mexico, FRIDAY, "America/Hermosillo", "financial") == (utc(20, 14), utc(21, 5))


def test_the_hours_follow_daylight_saving_time() -> None:
    summer, winter = date(2026, 7, 15), date(2026, 12, 15)
    [opens_in_summer, opens_in_winter] = [
        window[0].hour
        for day in (summer, winter)
        if (window := callable_window(profile("MX"), day, "America/Tijuana", "financial"))
    ]
    assert (opens_in_summer, opens_in_winter) == (14, 15)


def test_mexico_has_no_rule_against_holidays() -> None:
    constitution_day = date(2026, 2, 2)
    assert is_holiday(profile("MX"), constitution_day)
    assert callable_window(profile("MX"), constitution_day, "America/Mexico_City", "commercial") is not None


def test_brazil_differs_by_state_and_never_allows_sundays_and_holidays() -> None:
    brazil, zone = profile("BR"), "America/Sao_Paulo"
    monday_holiday = date(2026, 9, 7)
    assert callable_window(brazil, date(2026, 11, 18), zone, "financial", "SP") == (utc(18, 11), utc(18, 23))
    assert callable_window(brazil, SATURDAY, zone, "financial", "SP") == (utc(21, 11), utc(21, 17))
    assert callable_window(brazil, SATURDAY, zone, "financial", "RJ") == (utc(21, 12), utc(21, 22))
    assert callable_window(brazil, SUNDAY, zone, "financial", "SP") is None
    assert callable_window(brazil, monday_holiday, zone, "financial", "SP") is None


@pytest.mark.parametrize("region", [None, "BA"])
def test_unknown_hours_allow_no_call(region: str | None) -> None:
    assert callable_window(profile("BR"), FRIDAY, "America/Bahia", "financial", region) is None


def test_the_united_states_and_great_britain_have_one_window() -> None:
    assert callable_window(profile("US"), SUNDAY, "America/New_York", "financial") == (utc(22, 13), utc(23, 2))
    assert callable_window(profile("GB"), SUNDAY, "Europe/London", "commercial") == (utc(22, 8), utc(22, 21))


def test_only_the_united_states_limit_calls() -> None:
    assert {code: max_calls_per_7_days(profile(code)) for code in ("MX", "US", "BR", "GB")} == {
        "MX": None,
        "US": 7,
        "BR": None,
        "GB": None,
    }


@pytest.mark.parametrize("code", ["MX", "US", "BR", "GB"])
def test_a_dispute_is_answered_within_30_days(code: str) -> None:
    assert clarification_deadline(profile(code), date(2026, 11, 22)) == date(2026, 12, 22)


@pytest.mark.parametrize("code", ["MX", "US", "BR", "GB"])
def test_a_deadline_is_near_from_5_days_before_it(code: str) -> None:
    assert clarification_warning(profile(code), date(2026, 12, 22)) == date(2026, 12, 17)


def test_a_verification_needs_its_proof_in_the_united_states_alone() -> None:
    assert [code for code in ("MX", "US", "BR", "GB") if verification_needs_proof(profile(code))] == ["US"]


def test_contact_waits_for_the_verification_in_the_united_states_alone() -> None:
    waits = [code for code in ("MX", "US", "BR", "GB") if not contact_may_resume_after_rejection(profile(code))]
    assert waits == ["US"]
