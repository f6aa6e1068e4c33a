"""When a debtor may be contacted, how often, and what a dispute changes."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from jurisdictions.profiles import Profile


@lru_cache(maxsize=256)
def _holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    subdivisions = holidays.list_supported_countries().get(country, [])
    known = region if region in subdivisions else None
    return frozenset(holidays.country_holidays(country, subdiv=known, years=year))


def is_holiday(profile: Profile, day: date, region: str | None = None) -> bool:
    """Whether ``day`` is a public holiday there (of the region too, when it is known)."""
    country = profile.holidays.value
    return country is not None and day in _holidays(country, region, day.year)


def callable_window(
    profile: Profile, day: date, timezone: str, creditor_kind: str, region: str | None = None
) -> tuple[datetime, datetime] | None:
    """From when until when contact is allowed on ``day`` where the debtor lives, in UTC.

    None on a day without allowed hours, and where no hours are known: silence is the safe reading. ``region`` is the
    code of the state, for the countries whose states differ.
    """
    allowed = profile.allowed_hours.value
    hours = allowed.on(day, creditor_kind, region) if allowed else None
    if allowed is None or hours is None:
        return None
    if allowed.never_on_holidays and is_holiday(profile, day, region):
        return None
    zone = ZoneInfo(timezone)
    opens, closes = (datetime.combine(day, clock, zone).astimezone(UTC) for clock in hours)
    return opens, closes


def max_calls_per_7_days(profile: Profile) -> int | None:
    """The jurisdiction's limit, or None: then the campaign's own applies."""
    frequency = profile.call_frequency.value
    return frequency.max_calls_per_7_days if frequency else None


def clarification_deadline(profile: Profile, opened_on: date) -> date:
    """The day by which a dispute opened on ``opened_on`` must be answered."""
    days = profile.dispute_answer_days.value
    if days is None:
        raise ValueError(f"the profile of {profile.code} gives no days to answer a dispute")
    return opened_on + timedelta(days=days)


def contact_may_resume_after_rejection(profile: Profile) -> bool:
    """False where the verification of the debt must be sent before contact resumes."""
    dispute = profile.dispute.value
    return dispute is None or not dispute.verification_before_contact
