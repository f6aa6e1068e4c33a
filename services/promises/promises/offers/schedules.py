"""Schedules of equal amounts: when each is due, and how much it is. No I/O."""

import calendar
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

_CENT = Decimal("0.01")


class Frequency(StrEnum):
    """How far the instalments of a schedule are apart: 7 days, 14 days, a month."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"


_DAYS = {Frequency.WEEKLY: 7, Frequency.FORTNIGHTLY: 14}


def due_days(first: date, count: int, frequency: Frequency) -> list[date]:
    """Return the due days of so many instalments. Every day is computed from the first one: an instalment of the 31st
    is due on the last day of a shorter month."""
    if (days := _DAYS.get(frequency)) is not None:
        return [first + timedelta(days=days * n) for n in range(count)]
    return [_months_later(first, n) for n in range(count)]


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def split(total: Decimal, count: int, first_payment: Decimal | None = None) -> list[Decimal] | None:
    """Return ``total`` in so many amounts, or None where one of them would be nothing.

    Each is the same, rounded down to the cent, and the last one takes the rest. A first payment that is given stays as
    it is, and the others share what it leaves.
    """
    if first_payment is not None:
        if count == 1:
            return [total] if first_payment == total else None
        rest = split(total - first_payment, count - 1) if first_payment < total else None
        return None if rest is None else [first_payment, *rest]
    each = (total / count).quantize(_CENT, ROUND_FLOOR)
    return [each] * (count - 1) + [total - each * (count - 1)] if each > 0 else None
