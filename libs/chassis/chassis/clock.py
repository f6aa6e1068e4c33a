"""The wall clock, for rules that compare a day with today. Tests set ``now`` to a time of their own."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
