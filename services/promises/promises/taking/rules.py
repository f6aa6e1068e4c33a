"""For which days something can be promised."""

from datetime import date, timedelta

MAX_DAYS_AHEAD = 366


def day_refused(due_on: date, day: date) -> str | None:
    """Why nothing can be promised on ``day`` for that day; None when something can."""
    last = day + timedelta(days=MAX_DAYS_AHEAD)
    return None if day <= due_on <= last else f"must lie between {day} and {last}"
