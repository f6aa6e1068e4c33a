"""The days for which a promise can be made, and how many promises a contract can have."""

from datetime import date, timedelta

MAX_DAYS_AHEAD = 366
MAX_A_DAY = 120
"""The most promises made on a contract on one business date. Instalments and cancelled promises count too."""
MAX_OF_CONTRACT = 1_000
"""The most promises of a contract, without the cancelled ones. Each payment is counted against all of them."""


def day_refused(due_on: date, day: date) -> str | None:
    """Return why a promise made on ``day`` cannot be due on ``due_on``; None when it can."""
    last = day + timedelta(days=MAX_DAYS_AHEAD)
    return None if day <= due_on <= last else f"must lie between {day} and {last}"


def count_refused(made_on_day: int, of_contract: int, new: int) -> str | None:
    """Return why a contract that has so many promises can have no ``new`` ones; None when it can."""
    if made_on_day + new > MAX_A_DAY:
        return f"At most {MAX_A_DAY} promises can be made on a contract on one business date."
    if of_contract + new > MAX_OF_CONTRACT:
        return f"A contract can have at most {MAX_OF_CONTRACT:,} promises that are not cancelled."
    return None
