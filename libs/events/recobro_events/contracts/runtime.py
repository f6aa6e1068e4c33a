"""The runtime's own events: markers of barriers and rebuilds, and contracts of which an event was set aside."""

from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Event, Lane


class Marker(Event, key="barrier_id"):
    """A marker in the topic that ``service`` has for the lane ``via``: one on each of its ``markers`` partitions.

    ``round`` counts from 1 to ``rounds``.
    """

    barrier_id: UUID
    service: str
    via: Lane = Lane.EVENTS
    round: int
    rounds: int = 1
    markers: int


class BarrierRequested(Marker, type="runtime.barrier-requested.v1"):
    """``service`` opens a barrier: all services answer with ``BarrierReached``. The request is its own round 1."""

    @property
    def asked_by(self) -> str:
        return self.service


class BarrierReached(Marker, type="runtime.barrier-reached.v1"):
    """All events that ``service`` has published, also those caused by the ``round`` before, lie before this marker."""

    asked_by: str


class ContractSetAside(ContractEvent, type="runtime.contract-set-aside.v1"):
    """``service`` could not apply an event of this contract. Its state of the contract is stale until the replay.

    ``consumer`` names the group that read the event. If the log refused an event, so that all other services' state is
    stale, ``service`` is the topic of the event and ``consumer`` the relay.
    """

    service: str
    consumer: str


class ContractReplayed(ContractEvent, type="runtime.contract-replayed.v1"):
    """All events of this contract that ``service`` had set aside were applied, sent, or discarded by a person."""

    service: str
    consumer: str


class RebuildRequested(Event, type="runtime.rebuild-requested.v1", key="rebuild_id"):
    """``service`` has missed events: each of ``sources`` republishes its present state to it."""

    rebuild_id: UUID
    service: str
    sources: tuple[str, ...]


class StateRepublished(Marker, type="runtime.state-republished.v1"):
    """``service`` has republished its state; all of it lies before this marker. ``barrier_id`` is the rebuild's id."""

    asked_by: str
