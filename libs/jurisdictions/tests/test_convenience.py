"""The time that is left when debtors have called hours and days inconvenient."""

from datetime import UTC, datetime
from typing import Any

from jurisdictions import convenient_parts, refuses

NOWHERE: dict[str, Any] = {"not_hours": [], "not_days": [], "not_media": [], "not_places": []}
MEXICO, TIJUANA, LONDON = "America/Mexico_City", "America/Tijuana", "Europe/London"


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


# Monday 23 November, 07:00 to 22:00 in Mexico City.
MONDAY = (at(23, 13), at(24, 4))


def test_hours_are_cut_out_of_the_day_in_every_zone() -> None:
    lunch = NOWHERE | {"not_hours": ["12:00-14:00"]}
    assert convenient_parts([lunch], [MEXICO], MONDAY) == [(at(23, 13), at(23, 18)), (at(23, 20), at(24, 4))]
    both = convenient_parts([lunch], [MEXICO, TIJUANA], MONDAY)
    assert both == [(at(23, 13), at(23, 18)), (at(23, 22), at(24, 4))]


def test_hours_over_midnight_bar_the_morning_and_the_night() -> None:
    asleep = NOWHERE | {"not_hours": ["21:00-09:30"]}
    assert convenient_parts([asleep], [MEXICO], MONDAY) == [(at(23, 15, 30), at(24, 3))]


def test_a_day_bars_all_of_it_and_statements_add_up() -> None:
    assert convenient_parts([NOWHERE | {"not_days": ["mon"]}], [MEXICO], MONDAY) == []
    assert convenient_parts([NOWHERE | {"not_days": ["tue"]}], [MEXICO], MONDAY) == [MONDAY]
    said = [NOWHERE | {"not_hours": [hours]} for hours in ("07:00-12:00", "13:00-22:00")]
    assert convenient_parts(said, [MEXICO], MONDAY) == [(at(23, 18), at(23, 19))]


def test_where_the_clock_is_put_back_the_hour_is_barred_twice() -> None:
    night = NOWHERE | {"not_hours": ["01:00-01:30"]}
    within = (at(25, 0, month=10), at(25, 3, month=10))
    assert convenient_parts([night], [LONDON], within) == [(at(25, 1, 30, month=10), at(25, 3, month=10))]


def test_a_medium_is_refused_whatever_else_was_said() -> None:
    said = [NOWHERE | {"not_days": ["sun"]}, NOWHERE | {"not_media": ["call", "sms"]}]
    assert refuses(said, "call")
    assert not refuses(said, "visit")
