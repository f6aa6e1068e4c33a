"""Makes, recalls and ends placements as rules and dates demand. Event handlers and runs share this code.

The caller has locked the contracts' rows. A contract keeps its placement while any rule of the kind holds for it. The
first rule that holds, by priority and id, places the contract. The choice among the agencies of that rule depends on
the ids. Where agencies have a capacity it also depends on the order of the contracts: by id within a run or a batch.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from recobro_events import ContractEvent, Row, Transaction
from recobro_events.contracts.assignment import PlacementState

from assignment.placements.changing import Change, change
from assignment.placing import queries
from assignment.placing.assigning import place

_MANY = 100
"""For this many contracts or more, new query plans cost less than cached plans that do not fit."""


class Outcome(NamedTuple):
    """Counts of a review.

    ``recalled`` counts requested recalls, ``recalls_final`` final ones. ``unplaced`` counts placements that a rule
    wants and for which none of its agencies has room. ``taken_back`` counts those that a rule wants, but whose agencies
    all had the contract and lost it on request.
    """

    placed: int = 0
    recalled: int = 0
    recalls_final: int = 0
    ended: int = 0
    unplaced: int = 0
    taken_back: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        return Outcome(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


async def review_after(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Review the contracts of these events."""
    await review(tx, [event.contract_id for event in events], {event.contract_id: event.event_id for event in events})


async def review_reversed(tx: Transaction, reversals: Sequence[ContractEvent]) -> None:
    """Review contracts whose payment was reversed. A recall that the payment brought about is withdrawn.

    A recall that is final stays; the rules place the contract anew.
    """
    causes = {event.contract_id: event.event_id for event in reversals}
    undone = await tx.fetch(queries.UNDONE, list(causes))
    await change(tx, [_change(verdict, causes) for verdict in undone])
    await review_after(tx, reversals)


async def review(tx: Transaction, contract_ids: Sequence[UUID], causes: Mapping[UUID, UUID]) -> Outcome:
    """End, recall and place what is due for these contracts.

    ``causes`` maps contracts to the ids of the events that a consumer is applying. It is empty in a run.
    """
    if len(contract_ids) >= _MANY:
        await tx.execute(queries.PLAN_FOR_MANY)
    verdicts = await tx.fetch(queries.VERDICTS, contract_ids)
    await change(tx, [_change(verdict, causes) for verdict in verdicts])
    states = [verdict["state"] for verdict in verdicts]
    placed = await place(tx, contract_ids, causes)
    return Outcome(
        **placed._asdict(),
        recalled=states.count(PlacementState.RECALL_PENDING),
        recalls_final=states.count(PlacementState.RECALLED),
        ended=states.count(PlacementState.ENDED),
    )


def _change(verdict: Row, causes: Mapping[UUID, UUID]) -> Change:
    return Change(
        verdict["placement_id"],
        PlacementState(verdict["state"]),
        verdict["day"],
        reason=verdict["reason"],
        by_date=verdict["state"] != PlacementState.RECALL_PENDING,
        cause=causes.get(verdict["contract_id"]),
    )
