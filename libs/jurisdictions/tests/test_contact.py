"""The times at which a debtor may be contacted, and the effects of a dispute."""

from datetime import UTC, date, datetime

import pytest
from jurisdictions import (
    Place,
    callable_window,
    clarification_deadline,
    clarification_warning,
    contact_may_resume_after_rejection,
    is_holiday,
    joint_window,
    max_calls_per_7_days,
    places_of_country,
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


WEDNESDAY = date(2026, 11, 18)
_HOURS = {
    # On a Wednesday and on a Saturday, local time in Brasília (UTC-3).
    "SP": ((8, 20), (8, 14)),
    "RJ": ((9, 19), None),
    "ES": ((8, 19), None),
    "CE": ((8, 18), None),
    "AL": ((8, 20), (8, 14)),
    "AM": ((8, 19), (8, 14)),
    "BA": ((8, 20), (8, 14)),
    None: ((9, 18), None),
}


@pytest.mark.parametrize("region", _HOURS)
def test_brazil_differs_by_state_and_never_allows_sundays_and_holidays(region: str | None) -> None:
    """A state without a law of its own has our default hours, an unknown state the hours that nearly all allow."""
    brazil, zone, monday_holiday = profile("BR"), "America/Sao_Paulo", date(2026, 9, 7)
    for day, hours in zip((WEDNESDAY, SATURDAY), _HOURS[region], strict=True):
        expected = hours and tuple(utc(day.day, hour + 3) for hour in hours)
        assert callable_window(brazil, day, zone, "financial", region) == expected
    assert callable_window(brazil, SUNDAY, zone, "financial", region) is None
    assert callable_window(brazil, monday_holiday, zone, "financial", region) is None


SAO_PAULO, RIO = Place("America/Sao_Paulo", "SP"), Place("America/Sao_Paulo", "RJ")


def test_the_hours_of_several_plausible_places_are_those_that_all_allow() -> None:
    tijuana, cancun = Place("America/Tijuana", "BCN"), Place("America/Cancun", "ROO")
    window = joint_window(profile("MX"), FRIDAY, [tijuana, cancun, tijuana], "financial")
    assert window == (utc(20, 15), utc(21, 3))
    assert joint_window(profile("BR"), WEDNESDAY, [SAO_PAULO, RIO], "financial") == (utc(18, 12), utc(18, 22))


def test_one_plausible_place_that_bars_the_day_bars_it() -> None:
    brazil, holiday_of_sao_paulo = profile("BR"), date(2026, 7, 9)
    assert joint_window(brazil, SATURDAY, [SAO_PAULO], "financial")
    assert joint_window(brazil, SATURDAY, [SAO_PAULO, RIO], "financial") is None
    assert joint_window(brazil, holiday_of_sao_paulo, [RIO], "financial")
    assert joint_window(brazil, holiday_of_sao_paulo, [RIO, SAO_PAULO], "financial") is None


def test_places_without_a_common_hour_have_no_window() -> None:
    guam, hawaii = Place("Pacific/Guam", "GU"), Place("Pacific/Honolulu", "HI")
    assert joint_window(profile("US"), FRIDAY, [guam, hawaii], "financial") is None
    assert joint_window(profile("US"), FRIDAY, [], "financial") is None


@pytest.mark.parametrize(
    ("code", "day", "opens", "closes"),
    [
        ("MX", FRIDAY, utc(20, 15), utc(21, 3)),
        ("US", FRIDAY, utc(20, 18), utc(21, 1)),
        ("BR", date(2026, 7, 15), utc(15, 14, month=7), utc(15, 20, month=7)),
        ("GB", FRIDAY, utc(20, 8), utc(20, 21)),
    ],
)
def test_where_nothing_is_known_of_a_place_the_whole_country_must_allow_the_hour(
    code: str, day: date, opens: datetime, closes: datetime
) -> None:
    """Mexico from Tijuana to Cancún, the US from Hawaii to Puerto Rico, Brazil from Acre to Noronha."""
    assert joint_window(profile(code), day, places_of_country(code), "financial") == (opens, closes)


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
