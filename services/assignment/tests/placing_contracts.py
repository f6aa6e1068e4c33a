"""Contracts with the events that the portfolio service would publish about them, for assignment's tests."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chassis.testing import publishers
from chassis.testing.publishers import DAY
from recobro_events.contracts.portfolio import (
    Address,
    ContractRevised,
    ContractState,
    FilePayment,
    KnownPayment,
    PaymentReceived,
    PaymentReversed,
)

__all__ = ["DAY", "Contract"]


@dataclass
class Contract(publishers.Contract):
    """A contract with the fields that rules compare. Payments may settle it."""

    total: Decimal = Decimal("5000.00")
    product: str | None = None
    region: str | None = None

    def position(self) -> dict[str, Any]:
        oldest_due_on = self.as_of - timedelta(days=self.days)
        return super().position() | {"total_balance": self.total, "oldest_due_on": oldest_due_on}

    def details(self) -> dict[str, Any]:
        return {
            **super().details(),
            "product": self.product,
            "addresses": (Address(address_id=uuid.uuid4(), kind="fiscal", state=self.region),),
        }

    def owe(self, more: Decimal) -> None:
        super().owe(more)
        self.total += more
        if self.total == 0:
            self.state = ContractState.SETTLED

    def payment_reversed(
        self, payment: PaymentReceived | FilePayment, *, reason: str = "bounced", reversed_on: date | None = None
    ) -> PaymentReversed:
        self.state = ContractState.OPEN
        return super().payment_reversed(payment, reason=reason, reversed_on=reversed_on)

    def stated_by_file(self, *payments: FilePayment) -> ContractRevised:
        return self.revised().model_copy(update={"file_payments": payments})

    def told_again(self, *payments: KnownPayment) -> ContractRevised:
        """The whole contract with all its payments, as it is republished. Its version stays."""
        whole = ContractRevised(**self.position() | {"version": self.version - 1}, **self.details())
        self.version -= 1
        return whole.model_copy(update={"payments": payments})
