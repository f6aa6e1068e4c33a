"""What holds for delay, stages, balances, disputes and contact, decided without I/O.

``positions`` computes delay, stage and the waterfall of payments for many contracts at once, in SQL; the bounds of the
stages are written here only.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from recobro_events.contracts.portfolio import ClarificationOutcome, ContractState, DebtorStatus, Stage, StageCause

T = TypeVar("T")

STAGE_STARTS: dict[Stage, int] = {Stage.EARLY: 1, Stage.LATE: 31, Stage.LEGAL: 91}
"""The first day past due of each stage after ``current``."""

Pauses = Iterable[tuple[date, date | None]]
"""First and last paused day, both inclusive; open-ended when the last is None."""


def turns(items: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    """Cut ``items`` so that no key appears twice in a turn and each key's items keep their order."""
    cut: list[list[T]] = []
    depth: dict[object, int] = {}
    for item in items:
        turn = depth[key(item)] = depth.get(key(item), -1) + 1
        if turn == len(cut):
            cut.append([])
        cut[turn].append(item)
    return cut


class Medium(StrEnum):
    """Through what somebody may be contacted, and may refuse to be."""

    CALL = "call"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    EMAIL = "email"


def medium_refused(said: str | None) -> Medium | None:
    """The medium that an opt-out names. None means every medium, and so does a word that nobody knows."""
    return Medium(said) if said in set(Medium) else None


def stage_of(days_past_due: int) -> Stage:
    reached = [stage for stage, start in STAGE_STARTS.items() if days_past_due >= start]
    return reached[-1] if reached else Stage.CURRENT


def days_paused(pauses: Pauses, after: date, until: date) -> int:
    """How many days d with ``after`` < d ≤ ``until`` are paused."""
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


def stage_cause_of_payment(paid_on: date, business_date: date) -> StageCause:
    """Money that was paid before the business date on which it arrived is a backdated payment."""
    return StageCause.BACKDATED_PAYMENT if paid_on < business_date else StageCause.PAYMENT


def latest_paid_on(business_date: date, today: date) -> date:
    """The last day that a payment may have been made on: the business date, or tomorrow on the clock when later.

    The business date may lie behind the clock (money of today for a file of last week) and before it (a file of
    tomorrow); tomorrow leaves room for banks that book forward and for other time zones.
    """
    return max(business_date, today + timedelta(days=1))


@dataclass(frozen=True)
class DatedPayment:
    """A payment, and the business date on which it arrived."""

    amount: Decimal
    business_date: date


def episodes_of(
    instalments: Sequence[tuple[date, Decimal]],
    paid_before: Decimal,
    later: Iterable[DatedPayment],
    episode: int,
    start: date,
    end: date,
) -> list[int]:
    """Replay how often the contract fell behind between ``start`` and ``end``: what a reversal needs to know.

    An episode starts when the overdue balance goes from 0 to more. Payments pay the oldest instalment first, so a
    contract is behind while what has fallen due is more than all that was paid. ``episode`` is the count on ``start``,
    when ``paid_before`` had been paid; ``later`` are the payments since then in their order. Returns the count just
    before each of them, and last the count on ``end``.
    """

    def behind_on(day: date, paid: Decimal) -> bool:
        return sum((amount for due_on, amount in instalments if due_on < day), Decimal(0)) > paid

    counts: list[int] = []
    paid, behind = paid_before, behind_on(start, paid_before)
    for payment in later:
        episode += not behind and behind_on(payment.business_date, paid)
        counts.append(episode)
        paid += payment.amount
        behind = behind_on(payment.business_date, paid)
    episode += not behind and behind_on(end, paid)
    return [*counts, episode]


_GRAVITY = {
    DebtorStatus.ACTIVE: 0,
    DebtorStatus.UNLOCATABLE: 1,
    DebtorStatus.INSOLVENT: 2,
    DebtorStatus.REPRESENTED: 3,
    DebtorStatus.DECEASED: 4,
}


def report_changes_status(known: DebtorStatus, reported: DebtorStatus) -> bool:
    """Whether a report from outside changes what is known: it may make it graver, never lift it; operators may."""
    return _GRAVITY[reported] > _GRAVITY[known]


def takes_money(state: ContractState) -> bool:
    """Whether payments pay instalments; a contract that was handed back or written off keeps them as credit."""
    return state in {ContractState.OPEN, ContractState.SETTLED}


LARGEST_BALANCE = Decimal("999999999999.99")
"""What an amount can hold: 14 digits, 2 of them after the point."""

CORRECTING_OUTCOMES = frozenset({ClarificationOutcome.UPHELD, ClarificationOutcome.PARTLY_UPHELD})
"""The outcomes that carry corrected amounts."""


def resolution_allowed(state: str, contact_may_resume: bool | None, outcome: ClarificationOutcome) -> bool:
    """An open clarification may end in any way; one whose rejection left contact stopped, only as ``verified``."""
    if state == ClarificationOutcome.REJECTED and contact_may_resume is False:
        return outcome is ClarificationOutcome.VERIFIED
    return state == "open"


def provenance_permitted(sources: Collection[str], provenance: str) -> bool:
    """Whether contact data from there are among those that a jurisdiction accepts: ``joint_obligor``, Joint obligor."""
    return provenance.strip().lower().replace("_", " ") in sources


@dataclass(frozen=True)
class Hold:
    """Why nobody may contact the debtor about a contract; ``until`` is the last day of it, where that is known."""

    reason: str
    clarification_id: UUID | None = None
    until: date | None = None


def holds_of(
    state: ContractState,
    status: DebtorStatus,
    disputes: Iterable[UUID],
    pauses: Pauses,
    as_of: date,
    reachable: bool,
    promised_until: Iterable[date] = (),
) -> list[Hold]:
    """Every reason to keep silent that the portfolio knows of; ``reachable``: there is a phone that may be used.

    ``promised_until``: the last silent day of each open promise.
    """
    holds = [Hold("closed")] if state is not ContractState.OPEN else []
    if status in {DebtorStatus.DECEASED, DebtorStatus.REPRESENTED}:
        holds.append(Hold(status.value))
    holds += [Hold("clarification", clarification_id=dispute) for dispute in disputes]
    holds += [
        Hold("paused", until=ends_on)
        for starts_on, ends_on in pauses
        if starts_on <= as_of and (ends_on is None or ends_on >= as_of)
    ]
    holds += [Hold("promise", until=until) for until in promised_until if until >= as_of]
    return holds if reachable else [*holds, Hold("no_phone")]
