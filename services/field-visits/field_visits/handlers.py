"""What the other services say, and what it means for visits: first it is kept, then what it silences is cancelled.

Facts that silence cancel whatever their version: a fact that was overtaken still says that nobody must be sent there.
Versions decide what is kept.
"""

from collections.abc import Sequence

from recobro_events import Consumer, ContractEvent, Event, Transaction, sorted_unique
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.field_visits import CancelReason as Reason
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContactPointChanged,
    ContractClosed,
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractStageChanged,
    ContractWhole,
    DebtorStatus,
    DebtorStatusChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
)
from recobro_events.contracts.promises import (
    PromiseBroken,
    PromiseCancelled,
    PromiseEvent,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
)
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_platform import SERVICE_NAMES

from field_visits import projection, projection_queries
from field_visits.visits.cancelling import Cause, cancel, cancel_unfit

consumer = Consumer(
    "field-visits", listens_to=("portfolio", "assignment", "promises", "dialer-feed"), platform=SERVICE_NAMES
)

_CANCELLING_STATUSES = {
    DebtorStatus.DECEASED: Reason.DECEASED,
    DebtorStatus.REPRESENTED: Reason.REPRESENTED,
    DebtorStatus.UNLOCATABLE: Reason.UNLOCATABLE,
}


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    contract_ids = sorted_unique(event.contract_id for event in events if isinstance(event, ContractEvent))
    if contract_ids:
        await projection_queries.know_contracts(tx, contract_ids)
        await projection_queries.lock_contracts(tx, contract_ids)


@consumer.on(PaymentReceived)
async def cancel_paid(payments: Sequence[PaymentReceived], tx: Transaction) -> None:
    """Whoever has paid must not find a visitor at the door: every open visit is off, now."""
    await projection.keep_positions(tx, payments)
    await cancel(tx, [Cause.of(payment, Reason.PAYMENT) for payment in payments])


@consumer.on(PaymentReversed)
async def follow_reversal(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """The balance is back; a visit that the payment called off is not."""
    await projection.keep_positions(tx, reversals)
    await cancel_unfit(tx, reversals)


@consumer.on(ClarificationOpened)
async def cancel_disputed(clarifications: Sequence[ClarificationOpened], tx: Transaction) -> None:
    await projection.keep_positions(tx, clarifications)
    await projection.keep_clarifications(tx, clarifications)
    await cancel(tx, [Cause.of(dispute, Reason.CLARIFICATION) for dispute in clarifications])


@consumer.on(ClarificationResolved)
async def end_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The corrected amounts may leave nothing overdue."""
    await projection.keep_positions(tx, resolutions)
    await projection.keep_resolutions(tx, resolutions)
    await cancel_unfit(tx, resolutions)


@consumer.on(DebtorStatusChanged)
async def cancel_by_status(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    await projection.keep_positions(tx, changes)
    await projection.keep_statuses(tx, changes)
    final = [change for change in changes if change.status in _CANCELLING_STATUSES]
    await cancel(tx, [Cause.of(change, _CANCELLING_STATUSES[change.status]) for change in final])
    await cancel_unfit(tx, changes)


@consumer.on(ContactPointChanged)
async def follow_contact_point(changes: Sequence[ContactPointChanged], tx: Transaction) -> None:
    """Phones are of no use at a door; the position that comes with them is."""
    await projection.keep_positions(tx, changes)
    await cancel_unfit(tx, changes)


@consumer.on(ContractPaused)
async def cancel_paused(pauses: Sequence[ContractPaused], tx: Transaction) -> None:
    """Only the visits on a day that the pause covers."""
    await projection.keep_positions(tx, pauses)
    await projection.keep_pauses(tx, pauses)
    await cancel_unfit(tx, pauses)


@consumer.on(ContractResumed)
async def end_pause(resumptions: Sequence[ContractResumed], tx: Transaction) -> None:
    await projection.keep_positions(tx, resumptions)
    await projection.keep_pauses(tx, resumptions)
    await cancel_unfit(tx, resumptions)


@consumer.on(ContractClosed)
async def cancel_closed(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    await projection.keep_positions(tx, closings)
    await cancel(tx, [Cause.of(closing, Reason.CLOSED) for closing in closings])


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    await projection.keep_positions(tx, changes)
    await cancel_unfit(tx, changes)


@consumer.on(ContractRegistered)
async def register(contracts: Sequence[ContractRegistered], tx: Transaction) -> None:
    await _keep_whole(contracts, tx)


@consumer.on(ContractRevised)
async def revise(contracts: Sequence[ContractRevised], tx: Transaction) -> None:
    """A new file may have closed it or left nothing overdue."""
    await _keep_whole(contracts, tx)


async def _keep_whole(contracts: Sequence[ContractWhole], tx: Transaction) -> None:
    await projection.keep_wholes(tx, contracts)
    await cancel_unfit(tx, contracts)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Its name and its business date."""
    await projection.keep_portfolios(tx, changes)


@consumer.on(ContractPlaced)
async def place(placements: Sequence[ContractPlaced], tx: Transaction) -> None:
    await projection.keep_placements(tx, placements)


@consumer.on(PlacementReinstated)
async def reinstate(placements: Sequence[PlacementReinstated], tx: Transaction) -> None:
    """The agency may order again; what its recall called off stays off."""
    await projection.keep_placements(tx, placements)


@consumer.on(PlacementRecallRequested)
async def cancel_recalled(recalls: Sequence[PlacementRecallRequested], tx: Transaction) -> None:
    await _end_placements(recalls, tx)


@consumer.on(PlacementRecalled)
async def cancel_finally_recalled(recalls: Sequence[PlacementRecalled], tx: Transaction) -> None:
    await _end_placements(recalls, tx)


@consumer.on(PlacementEnded)
async def cancel_ended(endings: Sequence[PlacementEnded], tx: Transaction) -> None:
    await _end_placements(endings, tx)


async def _end_placements(events: Sequence[PlacementEvent], tx: Transaction) -> None:
    """The visits that were ordered under these placements do not take place; other visits stand."""
    await projection.keep_placements(tx, events)
    await cancel(tx, [Cause.of(event, Reason.RECALL, placement_id=event.placement_id) for event in events])


@consumer.on(PromiseMade)
async def cancel_promised(promises: Sequence[PromiseMade], tx: Transaction) -> None:
    """Whoever has promised is left in peace until the promise is due: visits up to then are off.

    A promise that is only said again may be over: there what is known decides.
    """
    await projection.keep_promises(tx, promises)
    new = [promise for promise in promises if not promise.is_republished]
    await cancel(tx, [Cause.of(promise, Reason.PROMISE, until=promise.silent_until) for promise in new])
    await cancel_unfit(tx, promises)


@consumer.on(PromiseReopened)
async def cancel_promised_again(promises: Sequence[PromiseReopened], tx: Transaction) -> None:
    await projection.keep_promises(tx, promises)
    await cancel_unfit(tx, promises)


@consumer.on(PromiseKept)
async def promise_kept(promises: Sequence[PromiseKept], tx: Transaction) -> None:
    await _end_promises(promises, tx)


@consumer.on(PromisePartlyKept)
async def promise_partly_kept(promises: Sequence[PromisePartlyKept], tx: Transaction) -> None:
    await _end_promises(promises, tx)


@consumer.on(PromiseBroken)
async def promise_broken(promises: Sequence[PromiseBroken], tx: Transaction) -> None:
    await _end_promises(promises, tx)


@consumer.on(PromiseCancelled)
async def promise_cancelled(promises: Sequence[PromiseCancelled], tx: Transaction) -> None:
    await _end_promises(promises, tx)


async def _end_promises(promises: Sequence[PromiseEvent], tx: Transaction) -> None:
    """Its silence is over: visits may be ordered again."""
    await projection.keep_promises(tx, promises)


@consumer.on(ContractSetAside)
async def cancel_unknown(events: Sequence[ContractSetAside], tx: Transaction) -> None:
    """Some service, perhaps we, could not follow the contract: nobody knows whether the debtor may be visited."""
    await projection.keep_set_aside(tx, events)
    await cancel(tx, [Cause.of(event, Reason.UNKNOWN_STATE) for event in events])


@consumer.on(ContractReplayed)
async def know_again(events: Sequence[ContractReplayed], tx: Transaction) -> None:
    """Visits may be ordered again, as long as no other service is still behind; what was called off stays off."""
    await projection.keep_replayed(tx, events)
