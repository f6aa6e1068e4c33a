"""Contracts that speak like the portfolio, assignment and promises services, for field-visits' tests."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.portfolio import (
    Address,
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
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
    Pause,
    PaymentReceived,
    PaymentReversed,
    Stage,
    StageCause,
)
from recobro_events.contracts.promises import MadeIn, PromiseBroken, PromiseMade, PromiseReopened

DAY = date(2026, 11, 23)
"""The business date of every scene; a Monday."""

OVERDUE = Decimal("4321.09")
TOTAL = Decimal("98765.43")
NUMBERS = ("4321.09", "4,321.09", "4321", "98765.43", "98,765.43", "98765")
"""Every way in which a contract's balances might be written."""


def an_address(**changes: Any) -> Address:
    said: dict[str, Any] = {
        "address_id": uuid.uuid4(),
        "kind": "personal",
        "street": "Avenida Insurgentes Sur",
        "exterior": "1234",
        "interior": "5-B",
        "neighbourhood": "Del Valle",
        "postal_code": "03100",
        "city": "Benito Juárez",
        "state": "Ciudad de México",
        "country": "MX",
    }
    return Address(**(said | changes))


@dataclass
class Placement:
    agency_id: UUID
    placement_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 0
    starts_on: date = DAY - timedelta(days=5)
    ends_on: date | None = None
    kind: PlacementKind = PlacementKind.VISITS


@dataclass
class Contract:
    """A contract as the other services know it. Each event is made of its state and counts its version up."""

    number: str
    portfolio_id: UUID
    addresses: list[Address] = field(default_factory=lambda: [an_address()])
    name: str = "María José Núñez Güemes"
    contract_id: UUID = field(default_factory=uuid.uuid4)
    debtor_id: UUID = field(default_factory=uuid.uuid4)
    state: ContractState = ContractState.OPEN
    stage: Stage = Stage.LATE
    overdue: Decimal = OVERDUE
    total: Decimal = TOTAL
    oldest_due_on: date | None = DAY - timedelta(days=40)
    as_of: date = DAY
    version: int = 0
    details_version: int = 1
    status: DebtorStatus = DebtorStatus.ACTIVE
    status_version: int = 0
    pauses: list[Pause] = field(default_factory=list)
    disputes: list[UUID] = field(default_factory=list)

    def position(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "version": self.version,
            "as_of": self.as_of,
            "state": self.state,
            "stage": self.stage,
            "days_past_due": 40,
            "overdue_balance": self.overdue,
            "total_balance": self.total,
            "oldest_due_on": self.oldest_due_on,
        }

    def _whole(self) -> dict[str, Any]:
        debtor = Debtor(
            debtor_id=self.debtor_id, name=self.name, status=self.status, status_version=self.status_version
        )
        return {
            **self.position(),
            "details_version": self.details_version,
            "creditor_id": uuid.uuid4(),
            "portfolio_id": self.portfolio_id,
            "contract_number": self.number,
            "incomplete": False,
            "jurisdiction": "MX",
            "currency": "MXN",
            "debtor": debtor,
            "addresses": tuple(self.addresses),
            "episode": 1,
            "open_clarifications": tuple(self.disputes),
            "pauses": tuple(self.pauses),
        }

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

    def paid(self, amount: str = "100.00") -> PaymentReceived:
        self.overdue -= Decimal(amount)
        self.total -= Decimal(amount)
        return PaymentReceived(
            **self.position(),
            payment_id=uuid.uuid4(),
            amount=Decimal(amount),
            currency="MXN",
            paid_on=self.as_of,
            received_at=datetime.now(UTC),
            channel="bank",
            credit=Decimal("0.00"),
            settled=False,
            days_past_due_before=40,
        )

    def payment_reversed(self, payment: PaymentReceived) -> PaymentReversed:
        self.overdue += payment.amount
        self.total += payment.amount
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

    def resolved(
        self, clarification_id: UUID, *, contact_may_resume: bool = True, **changes: Any
    ) -> ClarificationResolved:
        self.disputes = [dispute for dispute in self.disputes if dispute != clarification_id]
        self._change(changes)
        return ClarificationResolved(
            **self.position(),
            clarification_id=clarification_id,
            outcome=ClarificationOutcome.VERIFIED,
            contact_may_resume=contact_may_resume,
            still_open=tuple(self.disputes),
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

    def _placement(self, placement: Placement) -> dict[str, Any]:
        placement.version += 1
        return {
            "contract_id": self.contract_id,
            "placement_id": placement.placement_id,
            "version": placement.version,
            "agency_id": placement.agency_id,
            "kind": placement.kind,
        }

    def placed(self, placement: Placement) -> ContractPlaced:
        return ContractPlaced(**self._placement(placement), starts_on=placement.starts_on, ends_on=placement.ends_on)

    def recall_requested(self, placement: Placement) -> PlacementRecallRequested:
        return PlacementRecallRequested(**self._placement(placement), reason="wish", final_on=DAY)

    def recalled(self, placement: Placement) -> PlacementRecalled:
        return PlacementRecalled(**self._placement(placement), reason="wish")

    def reinstated(self, placement: Placement) -> PlacementReinstated:
        return PlacementReinstated(
            **self._placement(placement), reason="objection", starts_on=placement.starts_on, ends_on=placement.ends_on
        )

    def ended(self, placement: Placement) -> PlacementEnded:
        return PlacementEnded(**self._placement(placement), reason="term")

    def _promise(self, promise_id: UUID, version: int, silent_until: date) -> dict[str, Any]:
        return {
            "contract_id": self.contract_id,
            "promise_id": promise_id,
            "version": version,
            "due_on": silent_until - timedelta(days=2),
            "silent_until": silent_until,
            "promised": Decimal("500.00"),
            "paid": Decimal("0.00"),
            "currency": "MXN",
        }

    def promised(self, silent_until: date) -> PromiseMade:
        return PromiseMade(**self._promise(uuid.uuid4(), 1, silent_until), made_on=self.as_of, made_in=MadeIn.CALL)

    def broke(self, promise: PromiseMade) -> PromiseBroken:
        return PromiseBroken(**self._promise(promise.promise_id, promise.version + 1, promise.silent_until))

    def reopened(self, promise: PromiseMade) -> PromiseReopened:
        return PromiseReopened(**self._promise(promise.promise_id, promise.version + 2, promise.silent_until))
