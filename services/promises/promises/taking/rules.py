"""The days for which a promise can be made."""

from datetime import date, timedelta

MAX_DAYS_AHEAD = 366


def day_refused(due_on: date, day: date) -> str | None:
    """Return why a promise made on ``day`` cannot be due on ``due_on``; None when it can."""
    last = day + timedelta(days=MAX_DAYS_AHEAD)
    return None if day <= due_on <= last else f"must lie between {day} and {last}"
