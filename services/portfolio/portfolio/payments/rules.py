"""When a payment may have been made, what it is called as a cause, and the episodes of arrears, decided without I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from recobro_events.contracts.portfolio import StageCause


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
