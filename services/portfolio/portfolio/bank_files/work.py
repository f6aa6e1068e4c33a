"""A bank's file that the loader books."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portfolio.bank_files.formats import PaymentFormat
from portfolio.payments.rules import latest_paid_on


@dataclass(frozen=True)
class Work:
    """A file with what its portfolio says. ``actor`` is who sent it: that person's name stands with each payment.

    A ``dry_run`` books nothing.
    """

    file_id: UUID
    portfolio_id: UUID
    status: str
    given_format: str | None
    channel: str
    control_rows: int | None
    control_amount: Decimal | None
    jurisdiction: str
    currency: str
    payment_channels: Sequence[str]
    timezone: str
    business_date: date | None
    actor: Mapping[str, Any] | None
    dry_run: bool = False

    @property
    def format(self) -> PaymentFormat | None:
        return None if self.given_format is None else PaymentFormat(self.given_format)

    @property
    def latest(self) -> date:
        """The last day that a payment may have."""
        today = datetime.now(ZoneInfo(self.timezone)).date()
        return latest_paid_on(self.business_date or today, today)
