"""Contracts with the events that portfolio, assignment and promises would publish, for field-visits' tests."""

import re
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.testing import publishers
from chassis.testing.publishers import DAY, Placement, Promise
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.portfolio import Address, Stage
from recobro_events.contracts.promises import PromiseBroken, PromiseMade, PromiseReopened

__all__ = ["DAY", "Contract", "Placement", "a_placement", "an_address", "balances_in"]

OVERDUE = Decimal("4321.09")
TOTAL = Decimal("98765.43")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BALANCE = re.compile(r"(?<!\d)(4,?321|98,?765)(?!\d)")


def balances_in(text: str) -> list[str]:
    """Return the balances of a contract that a text shows, in any form. The digits of an id are none."""
    return _BALANCE.findall(_ID.sub("", text))


def an_address(**changes: Any) -> Address:
    fields: dict[str, Any] = {
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
    return Address(**(fields | changes))


def a_placement(agency_id: UUID, **changes: Any) -> Placement:
    """A placement for visits. ``Contract`` sets its contract when it makes an event."""
    fields: dict[str, Any] = {"kind": PlacementKind.VISITS, "starts_on": DAY - timedelta(days=5)}
    return Placement(uuid.uuid4(), agency_id, **(fields | changes))


@dataclass
class Contract(publishers.Contract):
    """A contract with addresses. Only a part of its balance is overdue."""

    name: str | None = "María José Núñez Güemes"
    stage: Stage = Stage.LATE
    overdue: Decimal = OVERDUE
    days: int = 40
    oldest_due_on: date | None = DAY - timedelta(days=40)
    total: Decimal = TOTAL
    addresses: list[Address] = field(default_factory=lambda: [an_address()])

    def position(self) -> dict[str, Any]:
        return super().position() | {"total_balance": self.total}

    def details(self) -> dict[str, Any]:
        return {**super().details(), "addresses": tuple(self.addresses)}

    def owe(self, more: Decimal) -> None:
        super().owe(more)
        self.total += more

    def placed(self, placement: Placement) -> ContractPlaced:
        return self._of_this(placement).placed()

    def recall_requested(self, placement: Placement) -> PlacementRecallRequested:
        return self._of_this(placement).recall_requested()

    def recalled(self, placement: Placement) -> PlacementRecalled:
        return self._of_this(placement).recalled()

    def reinstated(self, placement: Placement) -> PlacementReinstated:
        return self._of_this(placement).reinstated()

    def ended(self, placement: Placement) -> PlacementEnded:
        return self._of_this(placement).ended()

    def promised(self, silent_until: date) -> PromiseMade:
        return Promise(self.contract_id, silent_until - timedelta(days=2), silent_until).made()

    def broke(self, promise: PromiseMade) -> PromiseBroken:
        return self._after(promise, promise.version).broken()

    def reopened(self, promise: PromiseMade) -> PromiseReopened:
        return self._after(promise, promise.version + 1).reopened()

    def _of_this(self, placement: Placement) -> Placement:
        placement.contract_id = self.contract_id
        return placement

    def _after(self, promise: PromiseMade, version: int) -> Promise:
        return Promise(self.contract_id, promise.due_on, promise.silent_until, promise.promise_id, version)
