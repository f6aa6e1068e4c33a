"""What the runtime itself says: the barrier's markers, and which contracts a service could not follow."""

from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Event, Lane


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


class ContractSetAside(ContractEvent, type="runtime.contract-set-aside.v1"):
    """``service`` could not apply an event of this contract: until it says otherwise nobody knows how it stands.

    ``consumer`` names the group that read the event.
    """

    service: str
    consumer: str


class ContractReplayed(ContractEvent, type="runtime.contract-replayed.v1"):
    """What ``service`` had set aside of this contract has been applied, or was discarded by a person."""

    service: str
    consumer: str


class RebuildRequested(Event, type="runtime.rebuild-requested.v1", key="rebuild_id"):
    """``service`` has missed something: each of ``sources`` is to say again to it what holds now."""

    rebuild_id: UUID
    service: str
    sources: tuple[str, ...]


class StateRepublished(Marker, type="runtime.state-republished.v1"):
    """What ``service`` knew when it was asked lies before this marker, said again; ``barrier_id`` is the rebuild."""

    asked_by: str
