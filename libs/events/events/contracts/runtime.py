"""What the runtime itself says: the barrier's markers."""

from uuid import UUID

from events.contracts.base import Event


class Marker(Event, key="barrier_id"):
    """One of ``markers`` copies, one on every partition of every topic of ``service``."""

    barrier_id: UUID
    service: str
    round: int
    markers: int


class BarrierRequested(Marker, type="runtime.barrier-requested.v1"):
    """``service`` asks everyone to tell it when what was acknowledged before now has been published."""


class BarrierReached(Marker, type="runtime.barrier-reached.v1"):
    """Everything ``service`` knew when the barrier reached it lies before this marker."""

    asked_by: str
