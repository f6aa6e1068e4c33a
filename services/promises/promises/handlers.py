"""Handlers of events from portfolio and assignment: they keep each fact, then judge the promises of its contract.

They also end the links to the page of a debtor whom nobody may ask any more.
"""

from collections.abc import Sequence

from projections import clarifications, contracts, placements
from recobro_events import Consumer, ContractEvent, Event, Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContractClosed,
    ContractRegistered,
    ContractRevised,
    ContractSegmentChanged,
    ContractStageChanged,
    ContractState,
    ContractWhole,
    DebtorErased,
    DebtorStatusChanged,
    PartyChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
)
from recobro_platform import SERVICE_NAMES

from promises import erasing, projection
from promises.agreements.cancelling import cancel_proposals_of
from promises.debtor_page import identifying, linking
from promises.outcomes.judging import judge
from promises.outcomes.rules import CONTRACT_CLOSED

consumer = Consumer("promises", listens_to=("portfolio", "assignment"), platform=SERVICE_NAMES)


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    contract_ids = {event.contract_id for event in events if isinstance(event, ContractEvent)}
    if contract_ids:
        await contracts.lock_or_add(tx, contract_ids)


@consumer.on(PaymentReceived)
async def count_payments(payments: Sequence[PaymentReceived], tx: Transaction) -> None:
    """A payment may keep a promise. It also mends a broken one if the debtor paid in time and the payment came late."""
    await projection.POSITIONS.keep(tx, payments)
    await projection.keep_payments(tx, payments)
    await _judge(payments, tx)


# A kept promise ends a silence that the payment itself continues.
consumer.pace(PaymentReceived)


@consumer.on(PaymentReversed)
async def take_payments_back(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """A reversed payment counts for nothing. A promise that it kept is open again, or broken when its time is over."""
    await projection.POSITIONS.keep(tx, reversals)
    await projection.keep_reversals(tx, reversals)
    await _judge(reversals, tx)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Keep the new business date. The watch decides promises whose time is over on it, in transactions of its own."""
    await projection.PORTFOLIOS.keep(tx, changes)


@consumer.on(ContractClosed)
async def close(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    """Closing a contract unpaid cancels its open promises; on a settled one the payments decide. Proposals end."""
    await projection.POSITIONS.keep(tx, closings)
    await _judge(closings, tx)


@consumer.on(DebtorStatusChanged)
async def follow_debtor(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    """The open promises of a deceased debtor are cancelled, and so are the links of one whom nobody may ask."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_statuses(tx, changes)
    await _judge(changes, tx)
    await linking.end_dead(tx, [event.contract_id for event in changes])


@consumer.on(DebtorErased)
async def forget_person(erased: Sequence[DebtorErased], tx: Transaction) -> None:
    """Erase the words that people wrote, and end the links to the debtor's page. What was promised stays."""
    await projection.POSITIONS.keep(tx, erased)
    await erasing.erase(tx, erased)
    await linking.end_dead(tx, [event.contract_id for event in erased])


@consumer.on(ContractRegistered, ContractRevised)
async def follow_whole(wholes: Sequence[ContractWhole], tx: Transaction) -> None:
    """A new file may have closed the contract, or state a payment of which nobody knew."""
    await projection.keep_wholes(tx, wholes)
    await identifying.keep(tx, wholes)
    await erasing.erase(tx, contracts.erased(wholes))
    await _judge(wholes, tx)
    await linking.end_dead(tx, [event.contract_id for event in wholes])


@consumer.on(ContractStageChanged)
async def follow_position(events: Sequence[PositionEvent], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, events)


@consumer.on(ContractSegmentChanged)
async def follow_segment(changes: Sequence[ContractSegmentChanged], tx: Transaction) -> None:
    """Offers may ask for segments."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_segments(tx, changes)


@consumer.on(PartyChanged)
async def follow_parties(changes: Sequence[PartyChanged], tx: Transaction) -> None:
    """A party may make a promise. Promises of a party that was removed stand."""
    await projection.POSITIONS.keep(tx, changes)
    await projection.keep_parties(tx, changes)


@consumer.on(ClarificationOpened)
async def follow_dispute(disputes: Sequence[ClarificationOpened], tx: Transaction) -> None:
    """No promise is taken until the dispute ends. Promises stay as they are: a debtor who disputes may still pay."""
    await projection.POSITIONS.keep(tx, disputes)
    await clarifications.keep(tx, disputes)


@consumer.on(ClarificationResolved)
async def end_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, resolutions)
    await clarifications.keep_resolutions(tx, resolutions)


@consumer.on(ContractPlaced, PlacementReinstated, PlacementRecallRequested, PlacementRecalled, PlacementEnded)
async def follow_placement(events: Sequence[PlacementEvent], tx: Transaction) -> None:
    """After a recall the agency takes no new promises. The promises that it took stand."""
    await placements.keep(tx, events)


async def _judge(events: Sequence[PositionEvent], tx: Transaction) -> None:
    await judge(tx, {event.contract_id: event for event in events})
    if closed := {event.contract_id: event for event in events if event.state != ContractState.OPEN}:
        await linking.end_dead(tx, closed)
        await cancel_proposals_of(tx, closed, CONTRACT_CLOSED)
