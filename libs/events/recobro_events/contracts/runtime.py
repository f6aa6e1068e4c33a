"""The runtime's own events: markers of barriers and rebuilds, and contracts of which an event was set aside."""

from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Event, Lane


class Marker(Event, key="barrier_id"):
    """A marker in the topic of ``service`` on the lane ``via``. That topic has ``markers`` partitions.

    The service publishes a copy of the marker on each of the partitions. ``round`` counts from 1 to ``rounds``.
    """

    barrier_id: UUID
    service: str
    via: Lane = Lane.EVENTS
    round: int
    rounds: int = 1
    markers: int


class BarrierRequested(Marker, type="runtime.barrier-requested.v1"):
    """``service`` opens a barrier, and all services answer with ``BarrierReached``. The request is its first round."""

    @property
    def asked_by(self) -> str:
        return self.service


class BarrierReached(Marker, type="runtime.barrier-reached.v1"):
    """All events that ``service`` published because of facts before the previous ``round`` lie before this marker.

    In round 1 the service answers the request; all events that it had published by then lie before the marker.
    ``asked_by`` is the service that opened the barrier.
    """

    asked_by: str


class ContractSetAside(ContractEvent, type="runtime.contract-set-aside.v1"):
    """``service`` could not apply an event of this contract; what it knows of the contract is stale until the replay.

    ``consumer`` names the group that read the event. If instead the log refused an event, what all other services know
    of the contract is stale. Then ``service`` is the topic of the event, and ``consumer`` names the relay.
    """

    service: str
    consumer: str


class ContractReplayed(ContractEvent, type="runtime.contract-replayed.v1"):
    """All events of this contract that were set aside or unsent have been applied, sent, or discarded by a person.

    ``service`` and ``consumer`` are those of ``ContractSetAside``.
    """

    service: str
    consumer: str


class RebuildRequested(Event, type="runtime.rebuild-requested.v1", key="rebuild_id"):
    """``service`` has missed events, and asks each of ``sources`` to republish its present state."""

    rebuild_id: UUID
    service: str
    sources: tuple[str, ...]


class StateRepublished(Marker, type="runtime.state-republished.v1"):
    """``service`` has republished its state for ``asked_by``; the whole state lies before this marker.

    ``barrier_id`` is the rebuild's id.
    """

    asked_by: str
