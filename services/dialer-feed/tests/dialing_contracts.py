"""Events about contracts with telephones as the portfolio service publishes them, for dialer-feed's tests."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chassis.testing import publishers
from chassis.testing.publishers import DAY
from recobro_events.contracts.portfolio import (
    Address,
    ContactChange,
    ContactKind,
    ContactPoint,
    ContactPointChanged,
    LastPayment,
)

__all__ = ["DAY", "PHONES", "Contract", "Phone"]

PHONES = ("+525512345601", "+525512345602")


@dataclass
class Phone:
    value: str
    contact_id: UUID = field(default_factory=uuid.uuid4)
    version: int = 1
    usable: bool = True
    timezone: str | None = "America/Mexico_City"


@dataclass
class Contract(publishers.Contract):
    """A contract with telephones."""

    phones: list[Phone] = field(default_factory=lambda: [Phone(value) for value in PHONES])
    last_payment: LastPayment | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None

    def details(self) -> dict[str, Any]:
        return {
            **super().details(),
            "contact_points": tuple(self._points()),
            "addresses": (self._address(),),
            "last_payment": self.last_payment,
        }

    def _address(self) -> Address:
        place = {"state": self.region, "city": self.city, "postal_code": self.postal_code}
        return Address(address_id=uuid.uuid4(), kind="fiscal", **place)

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
