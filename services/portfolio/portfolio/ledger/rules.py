"""The rules for delay, stages and balances, without I/O.

``positions_queries`` computes delay, stage and the allocation of payments for many contracts at once, in SQL. The
bounds of the stages are defined only here.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from recobro_events.contracts.portfolio import ContractState, Stage

STAGE_STARTS: dict[Stage, int] = {Stage.EARLY: 1, Stage.LATE: 31, Stage.LEGAL: 91}
"""The first day past due of each stage after ``current``."""

Pauses = Iterable[tuple[date, date | None]]
"""Pairs of the first and the last paused day, both inclusive. A last day of None leaves the pause open."""


def days_paused(pauses: Pauses, after: date, until: date) -> int:
    """The number of paused days d with ``after`` < d ≤ ``until``."""
    first = after + timedelta(days=1)
    spans = ((min(ends_on or until, until) - max(starts_on, first)).days + 1 for starts_on, ends_on in pauses)
    return sum(max(0, days) for days in spans)


def days_past_due(oldest_due_on: date | None, pauses: Pauses, as_of: date) -> int:
    """Days from the oldest unpaid due date to ``as_of``, without the paused ones; never below 0."""
    if oldest_due_on is None:
        return 0
    return max(0, (as_of - oldest_due_on).days - days_paused(pauses, oldest_due_on, as_of))


def next_stage_on(oldest_due_on: date | None, pauses: Sequence[tuple[date, date | None]], as_of: date) -> date | None:
    """The day after ``as_of`` on which the stage changes if nothing happens; None when it never does."""
    if oldest_due_on is None:
        return None
    days = days_past_due(oldest_due_on, pauses, as_of)
    start = min((start for start in STAGE_STARTS.values() if start > days), default=None)
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
