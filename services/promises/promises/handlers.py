"""What the portfolio and the assignment service say, and what it means here: it is kept, then promises are judged."""

from collections.abc import Sequence

from recobro_events import Consumer, ContractEvent, Event, Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
    PlacementState,
)
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContractClosed,
    ContractRegistered,
    ContractRevised,
    ContractStageChanged,
    ContractWhole,
    DebtorStatusChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
)
from recobro_platform import SERVICE_NAMES

from promises import projection
from promises.outcomes.judging import judge

consumer = Consumer("promises", listens_to=("portfolio", "assignment"), platform=SERVICE_NAMES)


@consumer.lock_rows
async def lock_rows(tx: Transaction, events: Sequence[Event]) -> None:
    await projection.lock(tx, (event.contract_id for event in events if isinstance(event, ContractEvent)))


@consumer.on(PaymentReceived)
async def count_payments(payments: Sequence[PaymentReceived], tx: Transaction) -> None:
    """A promise is kept, or broken no longer when the money was paid in time and only came late."""
    await projection.keep_positions(tx, payments)
    await projection.keep_payments(tx, payments)
    await _judge(payments, tx)


@consumer.on(PaymentReversed)
async def take_payments_back(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """As if it had never been: what it kept is open again, or broken when its time is over."""
    await projection.keep_positions(tx, reversals)
    await projection.keep_reversals(tx, reversals)
    await _judge(reversals, tx)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Promises whose time is over on the new business date are decided by ``deciding``, in transactions of its own."""
    await projection.keep_portfolios(tx, changes)


@consumer.on(ContractClosed)
async def close(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    """Nothing is promised any more on a contract that was taken away unpaid; a settled one's payments decide."""
    await projection.keep_positions(tx, closings)
    await _judge(closings, tx)


@consumer.on(DebtorStatusChanged)
async def follow_debtor(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    """The dead keep no promises."""
    await projection.keep_positions(tx, changes)
    await projection.keep_statuses(tx, changes)
    await _judge(changes, tx)


@consumer.on(ContractRegistered)
async def register(contracts: Sequence[ContractRegistered], tx: Transaction) -> None:
    await _keep_whole(contracts, tx)


@consumer.on(ContractRevised)
async def revise(contracts: Sequence[ContractRevised], tx: Transaction) -> None:
    """A new file may have closed it."""
    await _keep_whole(contracts, tx)


async def _keep_whole(contracts: Sequence[ContractWhole], tx: Transaction) -> None:
    await projection.keep_wholes(tx, contracts)
    await _judge(contracts, tx)


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    await projection.keep_positions(tx, changes)


@consumer.on(ClarificationOpened)
async def follow_dispute(clarifications: Sequence[ClarificationOpened], tx: Transaction) -> None:
    """A promise stays as it is: whoever disputes a debt may pay it."""
    await projection.keep_positions(tx, clarifications)


@consumer.on(ClarificationResolved)
async def follow_resolution(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    await projection.keep_positions(tx, resolutions)


@consumer.on(ContractPlaced)
async def place(placements: Sequence[ContractPlaced], tx: Transaction) -> None:
    await projection.keep_placements(tx, placements, PlacementState.ACTIVE)


@consumer.on(PlacementRecallRequested)
async def request_recall(recalls: Sequence[PlacementRecallRequested], tx: Transaction) -> None:
    """The agency takes no promises from now on; those that it took stand."""
    await projection.keep_placements(tx, recalls, PlacementState.RECALL_PENDING)


@consumer.on(PlacementRecalled)
async def recall(recalls: Sequence[PlacementRecalled], tx: Transaction) -> None:
    await projection.keep_placements(tx, recalls, PlacementState.RECALLED)


@consumer.on(PlacementReinstated)
async def reinstate(placements: Sequence[PlacementReinstated], tx: Transaction) -> None:
    await projection.keep_placements(tx, placements, PlacementState.ACTIVE)


@consumer.on(PlacementEnded)
async def end_placement(placements: Sequence[PlacementEnded], tx: Transaction) -> None:
    await projection.keep_placements(tx, placements, PlacementState.ENDED)


async def _judge(events: Sequence[ContractEvent], tx: Transaction) -> None:
    await judge(tx, {event.contract_id: event for event in events})
