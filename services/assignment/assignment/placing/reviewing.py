"""Who works a contract: placements are made, recalled and ended here, for events and for runs alike.

Everything here holds the contracts' rows. A contract keeps its placement while any rule of the kind holds for it; it
gets one from the first rule, by priority and id, that holds. Which agency of that rule depends on the ids alone, and
where agencies have a capacity on the order in which contracts come: by id within a run or a batch.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from recobro_events import ContractEvent, Row, Transaction, caused_event_id
from recobro_events.contracts.agency import PlacementStarted
from recobro_events.contracts.assignment import ContractPlaced, PlacementState

from assignment.commissions import earning
from assignment.placements.changing import Change, change
from assignment.placing import queries
from assignment.placing.rules import Candidate, Limit, Option, Room, Shares, assign

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


async def follow(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Place and recall the contracts of these events, as what is known of them now demands."""
    await settle(tx, [event.contract_id for event in events], {event.contract_id: event.event_id for event in events})


async def settle(tx: Transaction, contract_ids: Sequence[UUID], causes: Mapping[UUID, UUID]) -> Outcome:
    """End, recall and place what is due for these contracts. ``causes``: the events behind them, in a consumer."""
    if len(contract_ids) >= _MANY:
        await queries.plan_for_many(tx)
    verdicts = await queries.verdicts(tx, contract_ids)
    await change(tx, [_change(verdict, causes) for verdict in verdicts])
    states = [verdict["state"] for verdict in verdicts]
    placed, unplaced = await _place(tx, contract_ids, causes)
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


async def _place(tx: Transaction, contract_ids: Sequence[UUID], causes: Mapping[UUID, UUID]) -> tuple[int, int]:
    """Place what rules want placed; how many were placed, and for how many there was no agency."""
    candidates = [
        Candidate(row["contract_id"], row["kind"], row["rule_id"], row["day"], row["ordinal"], row["refused"] or ())
        for row in await queries.wanted(tx, contract_ids)
    ]
    if not candidates:
        return 0, 0
    shares = await _shares(tx, {(candidate.rule_id, candidate.day) for candidate in candidates})
    chosen = assign(candidates, shares, await _room(tx, shares))
    if chosen:
        await tx.flush()
        maker = tx.consumer or "api"
        rows = [_columns(candidate, option, maker, causes.get(candidate.contract_id)) for candidate, option in chosen]
        await queries.place(tx, list(zip(*rows, strict=True)))
        await earning.earn_overtaking(tx, sorted({candidate.contract_id for candidate, _ in chosen}))
    return len(chosen), len(candidates) - len(chosen)


async def _shares(tx: Transaction, rules: set[tuple[UUID, date]]) -> dict[tuple[UUID, date], Shares]:
    options: dict[tuple[UUID, date], list[Option]] = {}
    for row in await queries.options(tx, sorted(rules)):
        option = Option(row["agency_id"], row["service_contract_id"], row["weight"], row["ends_on"], row["capacity"])
        options.setdefault((row["rule_id"], row["day"]), []).append(option)
    return {rule: Shares(agencies) for rule, agencies in options.items()}


async def _room(tx: Transaction, shares: Mapping[tuple[UUID, date], Shares]) -> Room:
    """What the agencies with a capacity have free, counted when nobody else is filling them."""
    limited = {
        option.service_contract_id
        for among in shares.values()
        for option in among.options
        if option.capacity is not None
    }
    if not limited:
        return Room()
    await queries.share_out(tx)
    rows = await queries.limits(tx, sorted(limited))
    return Room(
        Limit(row["service_contract_id"], row["agency_id"], frozenset(row["kinds"]), row["free"]) for row in rows
    )


def _columns(candidate: Candidate, option: Option, maker: str, cause: UUID | None) -> tuple[object, ...]:
    """A placement and its events. Made again from the same facts, all of them have the same ids."""
    contract_id, kind = candidate.contract_id, candidate.kind
    placement_id = caused_event_id(contract_id, "assignment", "placement", kind, candidate.ordinal)
    published, told = (
        caused_event_id(cause or placement_id, maker, event.type, str(placement_id), 1)
        for event in (ContractPlaced, PlacementStarted)
    )
    return (
        placement_id,
        contract_id,
        kind,
        candidate.ordinal,
        option.agency_id,
        candidate.rule_id,
        option.service_contract_id,
        candidate.day,
        option.ends_on,
        published,
        told,
    )
