"""What the runtime itself says: the barrier's markers."""

from uuid import UUID

from events.contracts.base import Event, Lane

SERVICES = ("portfolio", "assignment", "dialer-feed", "field-visits", "promises")
"""The platform. A barrier waits for the answer of each of them."""


class Marker(Event, key="barrier_id"):
    """One of ``markers`` copies, one on every partition of the topic that ``service`` has for the lane ``via``.

    ``round`` counts from 1 to ``rounds``.
    """

    barrier_id: UUID
    service: str
    via: Lane = Lane.EVENTS
    round: int
    rounds: int = 1
    markers: int


class BarrierRequested(Marker, type="runtime.barrier-requested.v1"):
    """``service`` asks everyone to tell it when what was acknowledged before now has been published: its round 1."""

    @property
    def asked_by(self) -> str:
        return self.service


class BarrierReached(Marker, type="runtime.barrier-reached.v1"):
    """What ``service`` knew, and made of the ``round`` before, lies before this marker."""

    asked_by: str
