"""The rules for the schedule of a new plan. ``outcomes.plans`` decides when a plan is broken."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

MIN_INSTALMENTS = 2
MAX_INSTALMENTS = 60


def schedule_refused(due_days: Sequence[date]) -> str | None:
    """Return why these due days make no plan; None when they do."""
    if len(due_days) < MIN_INSTALMENTS:
        return f"must be {MIN_INSTALMENTS} or more"
    if any(later <= earlier for earlier, later in pairwise(due_days)):
        return "must be due on days in rising order"
    return None
