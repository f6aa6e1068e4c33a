"""The rules for the dates of payments and reversals, stage causes, and the episodes of arrears, without I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from recobro_events.contracts.portfolio import StageCause


def stage_cause_of_payment(paid_on: date, business_date: date) -> StageCause:
    """A payment made before the business date on which it arrived is a backdated payment."""
    return StageCause.BACKDATED_PAYMENT if paid_on < business_date else StageCause.PAYMENT


def latest_paid_on(business_date: date, today: date) -> date:
    """The latest allowed date of a payment: the business date or the clock's tomorrow, whichever is later.

    The business date may lie behind the clock (today's money for last week's file) or ahead of it (tomorrow's file).
    Tomorrow is allowed for banks that book forward and for other time zones.
    """
    return max(business_date, today + timedelta(days=1))


def day_heard(business_date: date, paid_on: date, today: date) -> date:
    """The day on which the portfolio learns of a payment or of its reversal: the latest of the three.

    The days without contact count from it. The business date may lie behind the clock, which must not shorten them, or
    ahead of it, and a payment may be dated ahead of both.
    """
    return max(business_date, paid_on, today)


def has_counted_reversal(stated_as_of: date, absorbed_as_of: date | None, reversed_on: date) -> bool:
    """Whether the newest statement of a contract has already taken back a payment that an earlier or the same one had.

    A statement says what is unpaid at the close of its day ``stated_as_of``, so it has counted every reversal before
    that day. A reversal of that very day has been counted unless the statement is the one that absorbed the payment,
    whose day is ``absorbed_as_of``: its amounts still have the payment in them.
    """
    if reversed_on == stated_as_of:
        return absorbed_as_of is not None and absorbed_as_of < stated_as_of
    return reversed_on < stated_as_of


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
    """Count how often the contract fell behind between ``start`` and ``end``. Reversals need this count.

    An episode starts when the overdue balance rises from 0. Payments pay the oldest instalment first, so a contract is
    behind while the amounts that have fallen due exceed all payments. ``episode`` is the count on ``start``, when
    ``paid_before`` had been paid. ``later`` holds the payments since then in their order. Returns the count just before
    each later payment, and last the count on ``end``.
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
