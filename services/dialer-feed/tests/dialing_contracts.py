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
    Party,
    PartyChange,
    PartyChanged,
    PartyRole,
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
    verified: bool | None = False


@dataclass
class Contract(publishers.Contract):
    """A contract with telephones."""

    phones: list[Phone] = field(default_factory=lambda: [Phone(value) for value in PHONES])
    last_payment: LastPayment | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    parties: list[Party] = field(default_factory=list)

    def details(self) -> dict[str, Any]:
        return {
            **super().details(),
            "contact_points": tuple(self._points()),
            "addresses": (self._address(),),
            "last_payment": self.last_payment,
            "parties": tuple(self.parties),
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
                verified=phone.verified,
            )
            for phone in self.phones
        ]

    def with_party(self, role: str, *numbers: str, name: str = "Rosa Gil") -> Party:
        """Give the contract a party that no event has stated yet."""
        points = [
            ContactPoint(
                contact_id=uuid.uuid5(self.contract_id, f"{role}:{number}"),
                version=1,
                kind=ContactKind.PHONE,
                value=number,
                provenance="creditor",
                usable=True,
                refused_media=(),
            )
            for number in numbers
        ]
        party = Party(
            party_id=uuid.uuid5(self.contract_id, role),
            version=1,
            role=PartyRole(role),
            name=name,
            contact_points=tuple(points),
        )
        self.parties = [*self.parties, party]
        return party

    def party_changed(self, party: Party, change: PartyChange, usable: Sequence[bool] = ()) -> PartyChanged:
        """The party after a change, with its first numbers usable or not. A removed one has no name and no numbers."""
        position = self.position()
        points = tuple(
            point.model_copy(update={"version": self.version, "usable": use})
            for point, use in zip(party.contact_points, usable, strict=False)
        )
        fields: dict[str, Any] = {"version": self.version, "contact_points": points}
        fields |= {"name": None} if change is PartyChange.REMOVED else {}
        changed = party.model_copy(update=fields)
        self.parties = [one for one in self.parties if one.party_id != party.party_id]
        self.parties += [] if change is PartyChange.REMOVED else [changed]
        return PartyChanged(**position, change=change, party=changed)

    def number_changed(self, phone: Phone, change: ContactChange) -> ContactPointChanged:
        position = self.position()
        phone.version = self.version
        phone.usable = change in (ContactChange.ADDED, ContactChange.VERIFIED)
        phone.verified = change is ContactChange.VERIFIED
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
            verified=phone.verified,
        )
