"""When and how often a debtor may be contacted, and the effects of a dispute."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from jurisdictions.places import Place
from jurisdictions.profiles import Profile, profile_of_region


@lru_cache(maxsize=256)
def _holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    import holidays  # only when asked: loading it takes longer than reading a small file

    subdivisions = holidays.list_supported_countries().get(country, [])
    known = region if region in subdivisions else None
    return frozenset(holidays.country_holidays(country, subdiv=known, years=year))


def is_holiday(profile: Profile, day: date, region: str | None = None) -> bool:
    """Whether ``day`` is a public holiday of the jurisdiction, or of the region if that is known."""
    country = profile.holidays.value
    return country is not None and day in _holidays(country, region, day.year)


def callable_window(
    profile: Profile, day: date, timezone: str, creditor_kind: str, region: str | None = None
) -> tuple[datetime, datetime] | None:
    """Return the start and the end of allowed contact on ``day`` in one place, as UTC.

    None if the day has no allowed hours, or if no hours are known: then silence is safe. ``region`` is the code of the
    state, for countries whose states differ.
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


def joint_window(
    profile: Profile, day: date, places: Iterable[Place], creditor_kind: str
) -> tuple[datetime, datetime] | None:
    """Return the start and the end of the time on ``day`` that is allowed in every one of these places, as UTC.

    None if there is no such time, if one place bars the day, or without any place. Nobody may then be contacted.
    """
    windows = [callable_window(profile, day, zone, creditor_kind, region) for zone, region in dict.fromkeys(places)]
    allowed = [window for window in windows if window is not None]
    if not allowed or len(allowed) < len(windows):
        return None
    opens, closes = max(window[0] for window in allowed), min(window[1] for window in allowed)
    return (opens, closes) if opens < closes else None


def may_be_contacted(profile: Profile, role: str, *, represented: bool) -> bool:
    """Whether somebody besides the debtor may be contacted about the debt, by role, such as ``guarantor``.

    ``represented``: a lawyer represents the debtor. False where no rule is known. An employer never may be: a workplace
    learns nothing, whatever a profile says.
    """
    people = profile.contactable_people.value
    if people is None or role == "employer":
        return False
    return role in (people.while_represented if represented else people.always)


def visits_allowed(code: str, regions: Iterable[str | None]) -> tuple[int, int] | None:
    """Return how many visits to a person are allowed within how many days, or None if nothing limits them.

    ``regions`` are the states where the address may be; the strictest of them holds. Raises ``UnknownJurisdiction``.
    """
    rules = [profile_of_region(code, region).visit_frequency.value for region in {*regions, None}]
    known = [(rule.most, rule.days) for rule in rules if rule is not None]
    return min(known, key=lambda rule: rule[0] / rule[1]) if known else None


def max_calls_per_7_days(profile: Profile) -> int | None:
    """Return the jurisdiction's limit, or None if only the campaign's own limit applies."""
    frequency = profile.call_frequency.value
    return frequency.max_calls_per_7_days if frequency else None


def unconnected_calls_count(profile: Profile) -> bool:
    """Whether calls that never connected count towards the caps. They do where the jurisdiction has no rule."""
    frequency = profile.call_frequency.value
    return frequency is None or frequency.unconnected_count


def caller_ids_are_registered(profile: Profile) -> bool:
    """Whether an agency may call only from a number in the regulator's register."""
    return bool(profile.caller_ids_registered.value)


def clarification_deadline(profile: Profile, opened_on: date) -> date:
    """Return the last day to answer a dispute that was opened on ``opened_on``."""
    days = profile.dispute_answer_days.value
    if days is None:
        raise ValueError(f"the profile of {profile.code} gives no days to answer a dispute")
    return opened_on + timedelta(days=days)


def clarification_warning(profile: Profile, deadline_on: date) -> date:
    """Return the day from which an open dispute counts as near its deadline."""
    return deadline_on - timedelta(days=profile.dispute_warning_days.value or 0)


def verification_needs_proof(profile: Profile) -> bool:
    """Whether a debt is verified only with a document and the proof that it was sent."""
    dispute = profile.dispute.value
    return dispute is not None and dispute.verification_needs_proof


def contact_may_resume_after_rejection(profile: Profile) -> bool:
    """False if the verification of the debt must be sent before contact resumes."""
    dispute = profile.dispute.value
    return dispute is None or not dispute.verification_before_contact
