"""Gives contracts to agencies: finds the contracts to place, chooses the agencies, and makes the placements."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Lane, Transaction, caused_event_id
from recobro_events.contracts.agency import PlacementStarted
from recobro_events.contracts.assignment import ContractPlaced
from recobro_events.tracing import current_traceparent

from assignment.agency_feed.silencing import publish_silences_of_placed
from assignment.commissions.earning import settle_placed
from assignment.placing import queries
from assignment.placing.rules import Candidate, Limit, Option, Room, Shares, assign, is_taken_back


class Placed(NamedTuple):
    """``unplaced`` counts the placements for which no agency has room, ``taken_back`` those whose agencies all had the
    contract and lost it on request."""

    placed: int = 0
    unplaced: int = 0
    taken_back: int = 0


async def place(tx: Transaction, contract_ids: Sequence[UUID], causes: Mapping[UUID, UUID]) -> Placed:
    """Place contracts by the rules. Returns how many were placed and how many not."""
    candidates = [
        Candidate(row["contract_id"], row["kind"], row["rule_id"], row["day"], row["ordinal"], row["refused"] or ())
        for row in await tx.fetch(queries.WANTED, contract_ids)
    ]
    if not candidates:
        return Placed()
    shares = await _shares(tx, {(candidate.rule_id, candidate.day) for candidate in candidates})
    chosen = assign(candidates, shares, await _room(tx, shares))
    if chosen:
        await _make(tx, chosen, causes)
        await settle_placed(tx, [(candidate.contract_id, candidate.day) for candidate, _ in chosen], causes)
    taken_back = sum(is_taken_back(candidate, shares) for candidate in candidates)
    return Placed(len(chosen), len(candidates) - len(chosen) - taken_back, taken_back)


async def _make(tx: Transaction, chosen: Sequence[tuple[Candidate, Option]], causes: Mapping[UUID, UUID]) -> None:
    """Make the placements and publish them, to the agencies too, with open disputes and silences of the contracts."""
    await tx.flush()
    consumer = tx.consumer or "api"
    rows = [_columns(candidate, option, consumer, causes.get(candidate.contract_id)) for candidate, option in chosen]
    disputed = await tx.fetch(queries.PLACE, current_traceparent(), *zip(*rows, strict=True))
    if disputed:
        placement_ids = [row["placement_id"] for row in disputed]
        await tx.execute(queries.PUBLISH_DISPUTES, consumer, current_traceparent(), placement_ids)
    tx.wrote_outbox(Lane.BULK)
    tx.wrote_outbox(Lane.AGENCIES)
    await publish_silences_of_placed(
        tx, [(row[0], candidate.day) for row, (candidate, _) in zip(rows, chosen, strict=True)]
    )


async def _shares(tx: Transaction, rules: set[tuple[UUID, date]]) -> dict[tuple[UUID, date], Shares]:
    options: dict[tuple[UUID, date], list[Option]] = {}
    for row in await tx.fetch(queries.OPTIONS, *zip(*sorted(rules), strict=True)):
        option = Option(row["agency_id"], row["service_contract_id"], row["weight"], row["ends_on"], row["capacity"])
        options.setdefault((row["rule_id"], row["day"]), []).append(option)
    return {rule: Shares(agencies) for rule, agencies in options.items()}


async def _room(tx: Transaction, shares: Mapping[tuple[UUID, date], Shares]) -> Room:
    """Count the free places of agencies with a capacity. A lock keeps other transactions from taking them."""
    limited = {
        option.service_contract_id
        for rule_shares in shares.values()
        for option in rule_shares.options
        if option.capacity is not None
    }
    if not limited:
        return Room()
    await tx.execute(queries.LOCK_CAPACITY)
    rows = await tx.fetch(queries.LIMITS, sorted(limited))
    return Room(
        Limit(row["service_contract_id"], row["agency_id"], frozenset(row["kinds"]), row["free"]) for row in rows
    )


def _columns(candidate: Candidate, option: Option, consumer: str, cause: UUID | None) -> tuple[Any, ...]:
    """The columns of a placement, with the ids of its events. The same facts give the same ids."""
    contract_id, kind = candidate.contract_id, candidate.kind
    placement_id = caused_event_id(contract_id, "assignment", "placement", kind, candidate.ordinal)
    placed_event_id, started_event_id = (
        caused_event_id(cause or placement_id, consumer, event.type, str(placement_id), 1)
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
        placed_event_id,
        started_event_id,
    )
