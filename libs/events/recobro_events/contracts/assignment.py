"""Events of the assignment service: placements with agencies, recalls, commissions."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Currency, Event, Lane, Money, Percent
from recobro_events.contracts.portfolio import Letterhead


class AgencyChanged(Event, type="assignment.agency-changed.v1", key="agency_id"):
    """An agency is new, or its name or its letterhead changed. The event with the greatest ``version`` holds."""

    agency_id: UUID
    version: int
    name: str
    letterhead: Letterhead


class PlacementKind(StrEnum):
    """The work of an agency. ``dialing`` leaves the contract in our own collection; ``collection`` takes it over."""

    DIALING = "dialing"
    COLLECTION = "collection"
    VISITS = "visits"


class PlacementState(StrEnum):
    """``active → recall_pending → recalled``, ``recall_pending → objected → active | recalled``, ``active → ended``."""

    ACTIVE = "active"
    RECALL_PENDING = "recall_pending"
    OBJECTED = "objected"
    RECALLED = "recalled"
    ENDED = "ended"


class PlacementEvent(ContractEvent):
    """A fact about one placement. ``version`` grows with every change of that placement, from 1."""

    placement_id: UUID
    version: int
    agency_id: UUID
    kind: PlacementKind


class ContractPlaced(PlacementEvent, type="assignment.contract-placed.v1", lane=Lane.BULK):
    """The contract is placed with an agency from ``starts_on`` to ``ends_on``, both inclusive; null means no end."""

    rule_id: UUID | None = None
    starts_on: date
    ends_on: date | None = None


class PlacementRecallRequested(PlacementEvent, type="assignment.placement-recall-requested.v1"):
    """The agency stops working. The recall is final when the agency acknowledges it, at the latest on ``final_on``."""

    reason: str
    final_on: date


class PlacementRecalled(PlacementEvent, type="assignment.placement-recalled.v1"):
    """The recall is final."""

    reason: str


class PlacementReinstated(PlacementEvent, type="assignment.placement-reinstated.v1"):
    """The recall was undone: the placement is active again.

    The agency's objection was accepted, or the cause of the recall does not hold any more, such as a payment that was
    reversed. ``reason`` names which.
    """

    reason: str
    starts_on: date
    ends_on: date | None = None


class PlacementEnded(PlacementEvent, type="assignment.placement-ended.v1"):
    """The placement's term is over."""

    reason: str


class CommissionEvent(ContractEvent):
    """A fact about a payment's commission. ``amount`` is ``percent`` of ``base``, rounded half up to the cent."""

    placement_id: UUID
    agency_id: UUID
    payment_id: UUID
    base: Money
    percent: Percent
    amount: Money
    currency: Currency


class CommissionEarned(CommissionEvent, type="assignment.commission-earned.v1"):
    """A payment earns a commission for an agency whose placement was in force on the day of the payment."""


class CommissionReversed(CommissionEvent, type="assignment.commission-reversed.v1"):
    """A commission is taken back: the payment was reversed, its ``base`` changed, or another placement earns now."""
