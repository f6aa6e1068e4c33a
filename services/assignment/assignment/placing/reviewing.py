"""What rules and dates demand of contracts: placements are made, recalled and ended, for events and for runs alike.

Everything here holds the contracts' rows. A contract keeps its placement while any rule of the kind holds for it; it
gets one from the first rule, by priority and id, that holds. Which agency of that rule depends on the ids alone, and
where agencies have a capacity on the order in which contracts come: by id within a run or a batch.
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
"""From so many contracts on, planning anew costs less than a kept plan that does not fit."""


class Outcome(NamedTuple):
    """How many were placed, asked back, finally recalled, ended; and wanted by a rule whose agencies have no room."""

    placed: int = 0
    recalled: int = 0
    recalls_final: int = 0
    ended: int = 0
    unplaced: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        return Outcome(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


async def review_after(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Place and recall the contracts of these events, as what is known of them now demands."""
    await review(tx, [event.contract_id for event in events], {event.contract_id: event.event_id for event in events})


async def review(tx: Transaction, contract_ids: Sequence[UUID], causes: Mapping[UUID, UUID]) -> Outcome:
    """End, recall and place what is due for these contracts. ``causes``: the events behind them, in a consumer."""
    if len(contract_ids) >= _MANY:
        await tx.execute(queries.PLAN_FOR_MANY)
    verdicts = await tx.fetch(queries.VERDICTS, contract_ids)
    await change(tx, [_change(verdict, causes) for verdict in verdicts])
    states = [verdict["state"] for verdict in verdicts]
    placed, unplaced = await place(tx, contract_ids, causes)
    return Outcome(
        placed=placed,
        recalled=states.count(PlacementState.RECALL_PENDING),
        recalls_final=states.count(PlacementState.RECALLED),
        ended=states.count(PlacementState.ENDED),
        unplaced=unplaced,
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
