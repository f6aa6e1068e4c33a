"""Makes the events of other services for a service's tests, and none that no service would publish.

Each event is made from its publisher's data and increases the version. Every service's tests share this module, and
add only their own variations.
"""

import uuid
from collections.abc import Sequence
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
    ApproachStep,
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    Components,
    ContractClosed,
    ContractEscalated,
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractSegmentChanged,
    ContractStageChanged,
    ContractState,
    Convenience,
    ConvenienceChanged,
    Debtor,
    DebtorErased,
    DebtorStatus,
    DebtorStatusChanged,
    FilePayment,
    Pause,
    PaymentReapplied,
    PaymentReceived,
    PaymentReversed,
    Stage,
    StageCause,
    StepAllows,
    StepCause,
)
from recobro_events.contracts.promises import (
    MadeIn,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)

DAY = date(2026, 11, 23)
"""The business date of every scene; a Monday."""


@dataclass
class Contract:
    """A contract as the portfolio service knows it."""

    number: str
    portfolio_id: UUID
    contract_id: UUID = field(default_factory=uuid.uuid4)
    debtor_id: UUID = field(default_factory=uuid.uuid4)
    person_id: UUID | None = None
    name: str | None = None
    debtor_kind: str | None = None
    jurisdiction: str = "MX"
    state: ContractState = ContractState.OPEN
    stage: Stage = Stage.EARLY
    overdue: Decimal = Decimal("1500.00")
    total: Decimal | None = None
    """The total balance. None: the whole balance is overdue."""
    days: int = 20
    oldest_due_on: date | None = DAY - timedelta(days=20)
    as_of: date = DAY
    version: int = 0
    details_version: int = 1
    status: DebtorStatus = DebtorStatus.ACTIVE
    status_version: int = 0
    episode: int = 1
    next_change_on: date | None = None
    segment: str | None = None
    step: ApproachStep | None = None
    allows: StepAllows | None = None
    pauses: list[Pause] = field(default_factory=list)
    disputes: list[UUID] = field(default_factory=list)
    undecided: bool = False
    payment_silent_until: date | None = None
    payments_on_top: int | None = None
    components: Components | None = None
    language: str | None = None
    tax_id: str | None = None
    postal_codes: Sequence[str] = ()
    forgotten: bool = False

    def position(self) -> dict[str, Any]:
        """Return the fields of every event about the contract."""
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "version": self.version,
            "as_of": self.as_of,
            "state": self.state,
            "stage": self.stage,
            "days_past_due": self.days,
            "overdue_balance": self.overdue,
            "total_balance": self.overdue if self.total is None else self.total,
            "oldest_due_on": self.oldest_due_on,
            "episode": self.episode,
            "next_change_on": self.next_change_on,
            "components": self.components,
        }

    def says(self, **inconvenient: Sequence[str]) -> ConvenienceChanged:
        """The debtor calls this inconvenient from now on; without anything, nothing any more."""
        said = {name: tuple(values) for name, values in inconvenient.items()}
        at = datetime(2026, 1, 1, tzinfo=UTC)
        one = Convenience(convenience_id=uuid.uuid4(), stated_at=at, **said)
        return ConvenienceChanged(**self.position(), conveniences=(one,) if said else ())

    def details(self) -> dict[str, Any]:
        """Return the fields beside the position that an event about the whole contract has."""
        debtor = Debtor(
            debtor_id=self.debtor_id,
            person_id=self.person_id,
            kind=self.debtor_kind,
            name="" if self.forgotten else self.name or f"Debtor of {self.number}",
            tax_id=self.tax_id,
            language=self.language,
            status=self.status,
            status_version=self.status_version,
            erased=self.forgotten,
        )
        return {
            "details_version": self.details_version,
            "creditor_id": uuid.uuid4(),
            "portfolio_id": self.portfolio_id,
            "contract_number": self.number,
            "incomplete": False,
            "jurisdiction": self.jurisdiction,
            "currency": "MXN",
            "debtor": debtor,
            "addresses": tuple(
                Address(address_id=uuid.uuid4(), kind="personal", postal_code=code) for code in self.postal_codes
            ),
            "segment": self.segment,
            "step": self.step,
            "allows": self.allows,
            "open_clarifications": tuple(self.disputes),
            "pauses": tuple(self.pauses),
            "undecided": self.undecided,
            "payment_silent_until": self.payment_silent_until,
            "payments_on_top": self.payments_on_top,
        }

    def change(self, **changes: Any) -> None:
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def owe(self, more: Decimal) -> None:
        """Increase the overdue balance by ``more``, which is negative for a payment."""
        self.overdue = max(Decimal("0.00"), self.overdue + more)

    def registered(self) -> ContractRegistered:
        return ContractRegistered(**self.position(), **self.details())

    def revised(self, **changes: Any) -> ContractRevised:
        self.change(**changes)
        self.details_version += 1
        return ContractRevised(**self.position(), **self.details())

    def erased(self, **changes: Any) -> DebtorErased:
        """The settled contract after its debtor was erased. ``changes`` are those of a service's own details."""
        self.change(forgotten=True, state=ContractState.SETTLED, overdue=Decimal("0.00"), **changes)
        self.change(language=None, tax_id=None, postal_codes=())
        self.details_version += 2
        return DebtorErased(**self.position(), debtor_id=self.debtor_id, details_version=self.details_version)

    def paid_by_file(
        self, amount: str = "100.00", *, paid_on: date | None = None, holdoff_from: date | None = None
    ) -> ContractRevised:
        """The contract after a file that stated ``amount`` less than was unpaid."""
        paid = self.file_payment(amount, paid_on=paid_on, holdoff_from=holdoff_from)
        return self.revised().model_copy(update={"file_payments": (paid,)})

    def staged(self, stage: Stage, *, cause: StageCause = StageCause.DAILY_RUN, **changes: Any) -> ContractStageChanged:
        before, self.stage = self.stage, stage
        self.change(**changes)
        return ContractStageChanged(**self.position(), from_stage=before, to_stage=stage, cause=cause)

    def segmented(self, segment: str | None) -> ContractSegmentChanged:
        before, self.segment = self.segment, segment
        return ContractSegmentChanged(
            **self.position(),
            from_segment=before,
            to_segment=segment,
            rule=None if segment is None else 1,
            rules_version=0,
        )

    def escalated(self, step: ApproachStep | None, *contacts: str, **allows: tuple[str, ...]) -> ContractEscalated:
        """``contacts`` are the only kinds of contact that the step allows; without any it allows all."""
        before, self.step = self.step, step
        self.allows = StepAllows(contacts=contacts or None, **allows) if contacts or allows else None
        cause = StepCause.CURED if step is None else StepCause.LADDER
        return ContractEscalated(
            **self.position(),
            from_step=before,
            to_step=step,
            cause=cause,
            ladder_version=0,
            allows=self.allows,
        )

    def paid(
        self,
        amount: str = "100.00",
        *,
        credit: str = "0.00",
        paid_on: date | None = None,
        days: int | None = None,
        payment_id: UUID | None = None,
        holdoff_from: date | None = None,
    ) -> PaymentReceived:
        """``days`` are the days past due before the payment, if they differ from the contract's present ones."""
        before = self.days if days is None else days
        self.owe(Decimal(credit) - Decimal(amount))
        return PaymentReceived(
            **self.position(),
            payment_id=payment_id or uuid.uuid4(),
            amount=Decimal(amount),
            currency="MXN",
            paid_on=paid_on or self.as_of,
            received_at=datetime.now(UTC),
            channel="bank",
            credit=Decimal(credit),
            settled=self.state is ContractState.SETTLED,
            days_past_due_before=before,
            holdoff_from=holdoff_from,
        )

    def payment_reversed(
        self, payment: PaymentReceived | FilePayment, *, reason: str = "bounced", reversed_on: date | None = None
    ) -> PaymentReversed:
        self.owe(payment.amount - payment.credit)
        return PaymentReversed(
            **self.position(),
            payment_id=payment.payment_id,
            amount=payment.amount,
            currency="MXN",
            reason=reason,
            reversed_on=reversed_on,
        )

    def reapplied(self, payment: PaymentReceived | FilePayment, *, credit: str) -> PaymentReapplied:
        """The part of the payment that exceeds the debt is ``credit`` now. The balances stay as they are."""
        return PaymentReapplied(
            **self.position(),
            payment_id=payment.payment_id,
            amount=payment.amount,
            credit=Decimal(credit),
            currency="MXN",
        )

    def file_payment(
        self,
        amount: str = "100.00",
        *,
        credit: str = "0.00",
        paid_on: date | None = None,
        days: int | None = None,
        payment_id: UUID | None = None,
        holdoff_from: date | None = None,
    ) -> FilePayment:
        """A payment of channel ``file``. It reduces the balance, and travels in ``revised``."""
        before = self.days if days is None else days
        self.owe(Decimal(credit) - Decimal(amount))
        return FilePayment(
            payment_id=payment_id or uuid.uuid4(),
            amount=Decimal(amount),
            credit=Decimal(credit),
            paid_on=paid_on or self.as_of,
            business_date=self.as_of,
            holdoff_from=holdoff_from or self.as_of,
            reference=f"{paid_on or self.as_of}:0123456789ab:{self.number}",
            days_past_due_before=before,
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
        self.change(**changes)
        return ClarificationResolved(
            **self.position(),
            clarification_id=clarification_id,
            outcome=outcome,
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


@dataclass
class Placement:
    """A placement as the assignment service knows it."""

    contract_id: UUID
    agency_id: UUID
    kind: PlacementKind = PlacementKind.DIALING
    starts_on: date = DAY
    ends_on: date | None = None
    placement_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 0

    def _fields(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "placement_id": self.placement_id,
            "version": self.version,
            "agency_id": self.agency_id,
            "kind": self.kind,
        }

    def placed(self) -> ContractPlaced:
        return ContractPlaced(**self._fields(), starts_on=self.starts_on, ends_on=self.ends_on)

    def recall_requested(self, reason: str = "no_longer_eligible") -> PlacementRecallRequested:
        return PlacementRecallRequested(**self._fields(), reason=reason, final_on=DAY + timedelta(days=3))

    def recalled(self) -> PlacementRecalled:
        return PlacementRecalled(**self._fields(), reason="acknowledged")

    def reinstated(self) -> PlacementReinstated:
        return PlacementReinstated(**self._fields(), reason="objection", starts_on=self.starts_on, ends_on=self.ends_on)

    def ended(self) -> PlacementEnded:
        return PlacementEnded(**self._fields(), reason="term_over")


@dataclass
class Promise:
    """A promise as the promises service knows it."""

    contract_id: UUID
    due_on: date = DAY
    silent_until: date = DAY
    promise_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 0

    def _fields(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract_id,
            "promise_id": self.promise_id,
            "version": self.version,
            "due_on": self.due_on,
            "silent_until": self.silent_until,
            "promised": Decimal("500.00"),
            "paid": Decimal("0.00"),
            "currency": "MXN",
        }

    def made(self) -> PromiseMade:
        return PromiseMade(**self._fields(), made_on=DAY, made_in=MadeIn.CALL)

    def kept(self) -> PromiseKept:
        return PromiseKept(**self._fields())

    def partly_kept(self) -> PromisePartlyKept:
        return PromisePartlyKept(**self._fields())

    def broken(self) -> PromiseBroken:
        return PromiseBroken(**self._fields())

    def reopened(self) -> PromiseReopened:
        return PromiseReopened(**self._fields())

    def cancelled(self) -> PromiseCancelled:
        return PromiseCancelled(**self._fields(), reason="debtor_deceased")
