"""What the assignment service says: placements with agencies, recalls, commissions."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Currency, Lane, Money, Percent


class PlacementKind(StrEnum):
    """What an agency does: ``dialing`` leaves the contract in internal collection, ``collection`` takes it over."""

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
    """An agency is to work the contract from ``starts_on`` to ``ends_on`` (inclusive; open when null)."""

    rule_id: UUID | None = None
    starts_on: date
    ends_on: date | None = None


class PlacementRecallRequested(PlacementEvent, type="assignment.placement-recall-requested.v1"):
    """The work stops now; the recall is final when the agency acknowledges it, at the latest on ``final_on``."""

    reason: str
    final_on: date


class PlacementRecalled(PlacementEvent, type="assignment.placement-recalled.v1"):
    """The recall is final."""

    reason: str


class PlacementReinstated(PlacementEvent, type="assignment.placement-reinstated.v1"):
    """The agency's objection to a recall was accepted: the placement is active again."""

    reason: str
    starts_on: date
    ends_on: date | None = None


class PlacementEnded(PlacementEvent, type="assignment.placement-ended.v1"):
    """Its term is over."""

    reason: str


class CommissionEvent(ContractEvent):
    """``amount`` is ``percent`` of ``base``, rounded half up to the cent."""

    placement_id: UUID
    agency_id: UUID
    payment_id: UUID
    base: Money
    percent: Percent
    amount: Money
    currency: Currency


class CommissionEarned(CommissionEvent, type="assignment.commission-earned.v1"):
    """A payment arrived while the placement was in force."""


class CommissionReversed(CommissionEvent, type="assignment.commission-reversed.v1"):
    """The payment was undone, and its commission with it."""
