"""Placements, promises and visits that speak like their services, for dialer-feed's tests."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered, VisitOutcome
from recobro_events.contracts.promises import (
    MadeIn,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)
from speaking_contracts import DAY, Contract


@dataclass
class Placement:
    """A placement as the assignment service knows it; each event counts its version up."""

    contract: Contract
    agency_id: UUID
    kind: PlacementKind = PlacementKind.DIALING
    starts_on: date = DAY
    ends_on: date | None = None
    placement_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 0

    def _said(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract.contract_id,
            "placement_id": self.placement_id,
            "version": self.version,
            "agency_id": self.agency_id,
            "kind": self.kind,
        }

    def placed(self) -> ContractPlaced:
        return ContractPlaced(**self._said(), starts_on=self.starts_on, ends_on=self.ends_on)

    def recall_requested(self) -> PlacementRecallRequested:
        return PlacementRecallRequested(**self._said(), reason="paid_in_full", final_on=DAY)

    def recalled(self) -> PlacementRecalled:
        return PlacementRecalled(**self._said(), reason="acknowledged")

    def reinstated(self) -> PlacementReinstated:
        return PlacementReinstated(**self._said(), reason="objection", starts_on=self.starts_on, ends_on=self.ends_on)

    def ended(self) -> PlacementEnded:
        return PlacementEnded(**self._said(), reason="term_over")


@dataclass
class Promise:
    """A promise as the promises service knows it; each event counts its version up."""

    contract: Contract
    due_on: date = DAY
    silent_until: date = DAY
    promise_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 0

    def _said(self) -> dict[str, Any]:
        self.version += 1
        return {
            "contract_id": self.contract.contract_id,
            "promise_id": self.promise_id,
            "version": self.version,
            "due_on": self.due_on,
            "silent_until": self.silent_until,
            "promised": Decimal("500.00"),
            "paid": Decimal("0.00"),
            "currency": "MXN",
        }

    def made(self) -> PromiseMade:
        return PromiseMade(**self._said(), made_on=DAY, made_in=MadeIn.CALL)

    def kept(self) -> PromiseKept:
        return PromiseKept(**self._said())

    def partly_kept(self) -> PromisePartlyKept:
        return PromisePartlyKept(**self._said())

    def broken(self) -> PromiseBroken:
        return PromiseBroken(**self._said())

    def reopened(self) -> PromiseReopened:
        return PromiseReopened(**self._said())

    def cancelled(self) -> PromiseCancelled:
        return PromiseCancelled(**self._said(), reason="debtor_deceased")


@dataclass
class Visit:
    contract: Contract
    visit_on: date = DAY
    visit_id: UUID = field(default_factory=uuid.uuid4)

    def ordered(self) -> VisitOrdered:
        return VisitOrdered(
            contract_id=self.contract.contract_id,
            visit_id=self.visit_id,
            visitor="luis",
            address_id=uuid.uuid4(),
            visit_on=self.visit_on,
        )

    def completed(self, attended_by: AttendedBy = AttendedBy.NOBODY) -> VisitCompleted:
        return VisitCompleted(
            contract_id=self.contract.contract_id,
            visit_id=self.visit_id,
            outcome=VisitOutcome.VISITED,
            attended_by=attended_by,
            started_at=datetime.now(UTC),
            photos=0,
        )
