"""What the schedule of a plan must be. When a plan is broken, ``outcomes.plans`` says."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

MIN_INSTALMENTS = 2
MAX_INSTALMENTS = 60


def schedule_refused(due_days: Sequence[date]) -> str | None:
    """Why these due days make no plan; None when they do."""
    if len(due_days) < MIN_INSTALMENTS:
        return f"must be {MIN_INSTALMENTS} or more"
    if any(later <= earlier for earlier, later in pairwise(due_days)):
        return "each must be due later than the one before it"
    return None
