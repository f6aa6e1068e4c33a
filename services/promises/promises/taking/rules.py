"""The days and amounts for which a promise can be made, and how many promises a contract can have. No I/O."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from recobro_events.contracts.portfolio import PromiseLimits

from promises.outcomes.counting import GRACE_DAYS

MAX_DAYS_AHEAD_OF_PLAN = 366
MAX_A_DAY = 120
"""The most promises made on a contract on one day. Instalments and cancelled promises count too."""
MAX_OF_CONTRACT = 1_000
"""The most promises of a contract, without the cancelled ones. Each payment is counted against all of them."""

_DEFAULT_LIMITS = PromiseLimits(min_share_percent=Decimal(10), max_days_ahead=30, max_broken_per_episode=2)
_CENT = Decimal("0.01")


def limits_of(known: Mapping[str, Any] | None) -> PromiseLimits:
    """Return the portfolio's limits. The default ones hold for a portfolio that states none."""
    return _DEFAULT_LIMITS if known is None else PromiseLimits.model_validate(known)


def first_due_day(made_on: date, business_date: date, checked_to: date | None) -> date:
    """Return the first day on which a new promise can be due.

    The business date may be ahead of the day on which the promise is made. A promise that would be broken on it at once
    cannot be made. The day of a promise check is over, too.
    """
    return max(made_on, business_date - timedelta(days=GRACE_DAYS), checked_to or made_on)


def smallest(limits: PromiseLimits, overdue: Decimal, not_promised: Decimal) -> Decimal:
    """Return the smallest amount of a promise: a share of the overdue balance, or all that is left to promise."""
    share = (overdue * limits.min_share_percent / 100).quantize(_CENT, ROUND_CEILING)
    return min(share, not_promised)


def count_refused(made_on_day: int, of_contract: int, new: int) -> str | None:
    """Return why a contract that has so many promises can have no ``new`` ones; None when it can."""
    if made_on_day + new > MAX_A_DAY:
        return f"At most {MAX_A_DAY} promises can be made on a contract on one day."
    if of_contract + new > MAX_OF_CONTRACT:
        return f"A contract can have at most {MAX_OF_CONTRACT:,} promises that are not cancelled."
    return None
