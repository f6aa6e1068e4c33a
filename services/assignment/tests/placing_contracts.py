"""Contracts that speak like the portfolio service, for assignment's tests."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from recobro_events.contracts.portfolio import (
    Address,
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    ContractClosed,
    ContractPaused,
    ContractRegistered,
    ContractRevised,
    ContractStageChanged,
    ContractState,
    Debtor,
    PaymentReceived,
    PaymentReversed,
    Stage,
    StageCause,
)

DAY = date(2026, 11, 23)
"""The business date of every scene; a Monday."""


@dataclass
class Contract:
    """A contract as the portfolio service knows it. Each event is made of its state and counts its version up."""

    number: str
    portfolio_id: UUID
    contract_id: UUID = field(default_factory=uuid.uuid4)
    state: ContractState = ContractState.OPEN
    stage: Stage = Stage.EARLY
    overdue: Decimal = Decimal("1500.00")
    total: Decimal = Decimal("5000.00")
    days: int = 20
    as_of: date = DAY
    version: int = 0
    details_version: int = 1
    product: str | None = None
    segment: str | None = None
    region: str | None = None
    disputes: list[UUID] = field(default_factory=list)

    def position(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "version": self.version,
            "as_of": self.as_of,
            "state": self.state,
            "stage": self.stage,
            "days_past_due": self.days,
            "overdue_balance": self.overdue,
            "total_balance": self.total,
            "oldest_due_on": self.as_of - timedelta(days=self.days),
        }

    def _whole(self) -> dict[str, Any]:
        return {
            **self.position(),
            "details_version": self.details_version,
            "creditor_id": uuid.uuid4(),
            "portfolio_id": self.portfolio_id,
            "contract_number": self.number,
            "incomplete": False,
            "product": self.product,
            "jurisdiction": "MX",
            "currency": "MXN",
            "debtor": Debtor(debtor_id=uuid.uuid4(), name=f"Debtor of {self.number}"),
            "addresses": (Address(address_id=uuid.uuid4(), kind="fiscal", state=self.region),),
            "segment": self.segment,
            "episode": 1,
            "open_clarifications": tuple(self.disputes),
        }

    def change(self, **changes: Any) -> None:
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def registered(self) -> ContractRegistered:
        return ContractRegistered(**self._whole())

    def revised(self, **changes: Any) -> ContractRevised:
        self.change(**changes)
        self.details_version += 1
        return ContractRevised(**self._whole())

    def staged(self, stage: Stage, **changes: Any) -> ContractStageChanged:
        before, self.stage = self.stage, stage
        self.change(**changes)
        return ContractStageChanged(**self.position(), from_stage=before, to_stage=stage, cause=StageCause.DAILY_RUN)

    def paid(self, amount: str = "100.00", *, credit: str = "0.00", days: int | None = None) -> PaymentReceived:
        """``days``: past due before the payment, when that is not what the contract says now."""
        before = self.days if days is None else days
        reduced = Decimal(amount) - Decimal(credit)
        self.overdue = max(Decimal("0.00"), self.overdue - reduced)
        self.total -= reduced
        if self.total == 0:
            self.state = ContractState.SETTLED
        return PaymentReceived(
            **self.position(),
            payment_id=uuid.uuid4(),
            amount=Decimal(amount),
            currency="MXN",
            paid_on=self.as_of,
            received_at=datetime.now(UTC),
            channel="bank",
            credit=Decimal(credit),
            settled=self.total == 0,
            days_past_due_before=before,
        )

    def payment_reversed(self, payment: PaymentReceived) -> PaymentReversed:
        reduced = payment.amount - payment.credit
        self.change(overdue=self.overdue + reduced, total=self.total + reduced, state=ContractState.OPEN)
        return PaymentReversed(
            **self.position(),
            payment_id=payment.payment_id,
            amount=payment.amount,
            currency="MXN",
            reason="bounced",
        )

    def disputed(self) -> ClarificationOpened:
        self.disputes.append(uuid.uuid4())
        return ClarificationOpened(
            **self.position(),
            clarification_id=self.disputes[-1],
            reason="not mine",
            opened_by="debtor",
            deadline_on=self.as_of + timedelta(days=30),
        )

    def resolved(self, clarification_id: UUID, **changes: Any) -> ClarificationResolved:
        self.disputes.remove(clarification_id)
        self.change(**changes)
        return ClarificationResolved(
            **self.position(),
            clarification_id=clarification_id,
            outcome=ClarificationOutcome.UPHELD,
            contact_may_resume=True,
            still_open=tuple(self.disputes),
        )

    def paused(self, **changes: Any) -> ContractPaused:
        self.change(**changes)
        position = self.position()
        return ContractPaused(
            **position, pause_id=uuid.uuid4(), pause_version=self.version, starts_on=self.as_of - timedelta(days=9)
        )

    def closed(self, state: ContractState = ContractState.RETURNED) -> ContractClosed:
        self.state = state
        return ContractClosed(**self.position(), reason=state)
