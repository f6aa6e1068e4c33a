"""Contracts that speak like the portfolio service, for dialer-feed's tests."""

import uuid
from collections.abc import Sequence
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
    ContactChange,
    ContactKind,
    ContactPoint,
    ContactPointChanged,
    ContractClosed,
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractStageChanged,
    ContractState,
    Debtor,
    DebtorStatus,
    DebtorStatusChanged,
    LastPayment,
    Pause,
    PaymentReceived,
    PaymentReversed,
    Stage,
    StageCause,
)

DAY = date(2026, 11, 23)
"""The business date of every scene; a Monday."""

PHONES = ("+525512345601", "+525512345602")


@dataclass
class Phone:
    value: str
    contact_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 1
    usable: bool = True
    timezone: str | None = "America/Mexico_City"


@dataclass
class Contract:
    """A contract as the portfolio service knows it. Each event is made of its state and counts its version up."""

    number: str
    portfolio_id: UUID
    phones: list[Phone] = field(default_factory=lambda: [Phone(value) for value in PHONES])
    contract_id: UUID = field(default_factory=uuid.uuid4)
    debtor_id: UUID = field(default_factory=uuid.uuid4)
    jurisdiction: str = "MX"
    state: ContractState = ContractState.OPEN
    stage: Stage = Stage.EARLY
    overdue: Decimal = Decimal("1500.00")
    oldest_due_on: date | None = DAY - timedelta(days=20)
    as_of: date = DAY
    version: int = 0
    details_version: int = 1
    status: DebtorStatus = DebtorStatus.ACTIVE
    status_version: int = 0
    pauses: list[Pause] = field(default_factory=list)
    disputes: list[UUID] = field(default_factory=list)
    last_payment: LastPayment | None = None
    region: str | None = None

    def position(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "version": self.version,
            "as_of": self.as_of,
            "state": self.state,
            "stage": self.stage,
            "days_past_due": 20,
            "overdue_balance": self.overdue,
            "total_balance": self.overdue,
            "oldest_due_on": self.oldest_due_on,
        }

    def _whole(self) -> dict[str, Any]:
        debtor = Debtor(
            debtor_id=self.debtor_id,
            name=f"Debtor of {self.number}",
            status=self.status,
            status_version=self.status_version,
        )
        address = Address(address_id=uuid.uuid4(), kind="fiscal", state=self.region)
        return {
            **self.position(),
            "details_version": self.details_version,
            "creditor_id": uuid.uuid4(),
            "portfolio_id": self.portfolio_id,
            "contract_number": self.number,
            "incomplete": False,
            "jurisdiction": self.jurisdiction,
            "currency": "MXN",
            "debtor": debtor,
            "contact_points": tuple(self._points()),
            "addresses": (address,),
            "episode": 1,
            "open_clarifications": tuple(self.disputes),
            "pauses": tuple(self.pauses),
            "last_payment": self.last_payment,
        }

    def _points(self) -> Sequence[ContactPoint]:
        return [
            ContactPoint(
                contact_id=phone.contact_id,
                version=phone.version,
                kind=ContactKind.PHONE,
                value=phone.value,
                provenance="creditor",
                timezone=phone.timezone,
                usable=phone.usable,
            )
            for phone in self.phones
        ]

    def registered(self) -> ContractRegistered:
        return ContractRegistered(**self._whole())

    def revised(self, **changes: Any) -> ContractRevised:
        self._change(changes)
        self.details_version += 1
        return ContractRevised(**self._whole())

    def _change(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def staged(self, stage: Stage, **changes: Any) -> ContractStageChanged:
        before, self.stage = self.stage, stage
        self._change(changes)
        return ContractStageChanged(**self.position(), from_stage=before, to_stage=stage, cause=StageCause.DAILY_RUN)

    def paid(self, amount: str = "100.00", payment_id: UUID | None = None) -> PaymentReceived:
        self.overdue -= Decimal(amount)
        return PaymentReceived(
            **self.position(),
            payment_id=payment_id or uuid.uuid4(),
            amount=Decimal(amount),
            currency="MXN",
            paid_on=self.as_of,
            received_at=datetime.now(UTC),
            channel="bank",
            credit=Decimal("0.00"),
            settled=False,
            days_past_due_before=20,
        )

    def payment_reversed(self, payment: PaymentReceived) -> PaymentReversed:
        self.overdue += payment.amount
        return PaymentReversed(
            **self.position(),
            payment_id=payment.payment_id,
            amount=payment.amount,
            currency="MXN",
            reason="bounced",
        )

    def disputed(self, clarification_id: UUID | None = None) -> ClarificationOpened:
        self.disputes.append(clarification_id or uuid.uuid4())
        return ClarificationOpened(
            **self.position(),
            clarification_id=self.disputes[-1],
            reason="not mine",
            opened_by="debtor",
            deadline_on=self.as_of + timedelta(days=30),
        )

    def resolved(
        self,
        clarification_id: UUID,
        outcome: ClarificationOutcome = ClarificationOutcome.VERIFIED,
        *,
        contact_may_resume: bool = True,
        **changes: Any,
    ) -> ClarificationResolved:
        self.disputes = [dispute for dispute in self.disputes if dispute != clarification_id]
        self._change(changes)
        return ClarificationResolved(
            **self.position(),
            clarification_id=clarification_id,
            outcome=outcome,
            contact_may_resume=contact_may_resume,
            still_open=tuple(self.disputes),
        )

    def number_changed(self, phone: Phone, change: ContactChange) -> ContactPointChanged:
        position = self.position()
        phone.version = self.version
        phone.usable = change in (ContactChange.ADDED, ContactChange.VERIFIED)
        return ContactPointChanged(
            **position,
            contact_id=phone.contact_id,
            contact_version=phone.version,
            kind=ContactKind.PHONE,
            value=phone.value,
            change=change,
            usable=phone.usable,
            provenance="debtor",
            timezone=phone.timezone,
        )

    def reported(self, status: DebtorStatus) -> DebtorStatusChanged:
        self.status = status
        self.status_version += 1
        return DebtorStatusChanged(
            **self.position(),
            debtor_id=self.debtor_id,
            status=status,
            status_version=self.status_version,
            reported_by="creditor",
        )

    def paused(self, starts_on: date, ends_on: date | None = None) -> ContractPaused:
        position = self.position()
        pause = Pause(pause_id=uuid.uuid4(), version=self.version, starts_on=starts_on, ends_on=ends_on)
        self.pauses.append(pause)
        return ContractPaused(
            **position, pause_id=pause.pause_id, pause_version=pause.version, starts_on=starts_on, ends_on=ends_on
        )

    def resumed(self, pause: ContractPaused, ends_on: date) -> ContractResumed:
        position = self.position()
        return ContractResumed(
            **position,
            pause_id=pause.pause_id,
            pause_version=self.version,
            starts_on=pause.starts_on,
            ends_on=ends_on,
        )

    def closed(self, state: ContractState = ContractState.RETURNED) -> ContractClosed:
        self.state = state
        return ContractClosed(**self.position(), reason=state)
