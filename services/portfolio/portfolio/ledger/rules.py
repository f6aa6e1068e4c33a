"""The rules for delay, stages and balances, without I/O.

``positions_queries`` computes delay, stage and the allocation of payments for many contracts at once, in SQL. The
usual bounds of the stages are defined only here; a portfolio may have its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from recobro_events.contracts.portfolio import ContractState, Stage

STAGE_STARTS: dict[Stage, int] = {Stage.EARLY: 1, Stage.LATE: 31, Stage.LEGAL: 91}
"""The first day past due of each stage after ``current``, where a portfolio has no bands of its own."""

Starts = Mapping[Stage, int | None]
"""The first day past due of each stage after ``current``, in their order. None: the portfolio has no such stage."""

Pauses = Iterable[tuple[date, date | None]]
"""Pairs of the first and the last paused day, both inclusive. A last day of None leaves the pause open."""


def days_paused(pauses: Pauses, after: date, until: date) -> int:
    """The number of paused days d with ``after`` < d ≤ ``until``. A day of several pauses counts once."""
    counted, days = after, 0
    for starts_on, ends_on in sorted(pauses, key=lambda pause: pause[0]):
        first, last = max(starts_on, counted + timedelta(days=1)), min(ends_on or until, until)
        if first <= last:
            days += (last - first).days + 1
            counted = last
    return days


def days_past_due(oldest_due_on: date | None, pauses: Pauses, as_of: date) -> int:
    """Days from the oldest unpaid due date to ``as_of``, without the paused ones; never below 0."""
    if oldest_due_on is None:
        return 0
    return max(0, (as_of - oldest_due_on).days - days_paused(pauses, oldest_due_on, as_of))


def stage_of(days: int, starts: Starts = STAGE_STARTS) -> Stage:
    """The stage of a contract that is so many days past due."""
    reached = [stage for stage, start in starts.items() if start is not None and start <= days]
    return reached[-1] if reached else Stage.CURRENT


def next_stage_on(
    oldest_due_on: date | None,
    pauses: Sequence[tuple[date, date | None]],
    as_of: date,
    starts: Starts = STAGE_STARTS,
) -> date | None:
    """The day after ``as_of`` on which the stage changes if nothing happens; None when it never does."""
    if oldest_due_on is None:
        return None
    days = days_past_due(oldest_due_on, pauses, as_of)
    start = min((start for start in starts.values() if start is not None and start > days), default=None)
    if start is None:
        return None
    day = oldest_due_on + timedelta(days=start)
    while True:
        if any(ends_on is None and starts_on <= day for starts_on, ends_on in pauses):
            return None
        reached = oldest_due_on + timedelta(days=start + days_paused(pauses, oldest_due_on, day))
        if reached == day:
            return day
        day = reached


def takes_money(state: ContractState) -> bool:
    """Whether payments pay instalments. A returned, written-off or withdrawn contract keeps payments as credit."""
    return state in {ContractState.OPEN, ContractState.SETTLED}
