"""What others say, and what it means for the lists: first it is kept, then whoever it silences is withdrawn.

Facts that silence withdraw whatever their version: a fact that was overtaken still says that somebody must not be
called today. Versions decide what is kept.
"""

from collections.abc import Sequence

from recobro_events import Consumer, ContractEvent, Event, Transaction, sorted_unique
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.dialer_feed import WithdrawalReason as Reason
from recobro_events.contracts.field_visits import VisitCompleted, VisitOrdered
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContactChange,
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

from dialer_feed.lists import building as listing
from dialer_feed.projection import contracts as projection
from dialer_feed.projection import queries as projection_queries
from dialer_feed.withdrawals import withdrawing as withdrawal
from dialer_feed.withdrawals.withdrawing import Cause, Reach

consumer = Consumer("dialer-feed", listens_to=listing.SOURCES, platform=SERVICE_NAMES)

_SILENT_STATUSES = {DebtorStatus.DECEASED: Reason.DECEASED, DebtorStatus.REPRESENTED: Reason.REPRESENTED}


@consumer.first
async def let_no_builder_miss_us(tx: Transaction) -> None:
    await withdrawal.begin(tx)


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    contract_ids = sorted_unique(event.contract_id for event in events if isinstance(event, ContractEvent))
    if contract_ids:
        await projection_queries.know_contracts(tx, contract_ids)
        await withdrawal.lock(tx, contract_ids)


@consumer.last
async def number_withdrawals(tx: Transaction) -> None:
    await withdrawal.number(tx)


@consumer.on(PaymentReceived)
async def withdraw_paid(payments: Sequence[PaymentReceived], tx: Transaction) -> None:
    """Whoever has paid must not be called: off every live list, now."""
    await projection.keep_positions(tx, payments)
    await projection.keep_payments(tx, payments)
    await withdrawal.withdraw(tx, [Cause.of(payment, Reason.PAYMENT) for payment in payments])


@consumer.on(PaymentReversed)
async def end_holdoff(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """As if it had never been, from the next list on: today's is never refilled."""
    await projection.keep_positions(tx, reversals)
    await projection.keep_reversals(tx, reversals)
    await withdrawal.withdraw_unfit(tx, reversals)


@consumer.on(ClarificationOpened)
async def withdraw_disputed(clarifications: Sequence[ClarificationOpened], tx: Transaction) -> None:
    await projection.keep_positions(tx, clarifications)
    await projection.keep_clarifications(tx, clarifications)
    await withdrawal.withdraw(tx, [Cause.of(dispute, Reason.CLARIFICATION) for dispute in clarifications])


@consumer.on(ClarificationResolved)
async def end_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The corrected amounts may leave too little to call about."""
    await projection.keep_positions(tx, resolutions)
    await projection.keep_resolutions(tx, resolutions)
    await withdrawal.withdraw_unfit(tx, resolutions)


@consumer.on(DebtorStatusChanged)
async def withdraw_deceased_and_represented(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    await projection.keep_positions(tx, changes)
    await projection.keep_statuses(tx, changes)
    silent = [change for change in changes if change.status in _SILENT_STATUSES]
    await withdrawal.withdraw(tx, [Cause.of(change, _SILENT_STATUSES[change.status]) for change in silent])
    await withdrawal.withdraw_unfit(tx, changes)


@consumer.on(ContactPointChanged)
async def withdraw_unusable_numbers(changes: Sequence[ContactPointChanged], tx: Transaction) -> None:
    """An entry with a wrong or opted-out number leaves today's list; the next one carries the numbers left."""
    await projection.keep_positions(tx, changes)
    await projection.keep_contact_changes(tx, changes)
    unusable = [change for change in changes if not change.usable]
    causes = [Cause.of(change, _reason_of_number(change)) for change in unusable]
    await withdrawal.withdraw_numbers(tx, causes, [change.contact_id for change in unusable])
    await withdrawal.withdraw_unfit(tx, changes)


def _reason_of_number(change: ContactPointChanged) -> Reason:
    return Reason.OPTED_OUT if change.change is ContactChange.OPTED_OUT else Reason.WRONG_NUMBER


@consumer.on(ContractPaused)
async def withdraw_paused(pauses: Sequence[ContractPaused], tx: Transaction) -> None:
    """Only where the pause covers the day: one that lies ahead changes nothing yet."""
    await projection.keep_positions(tx, pauses)
    await projection.keep_pauses(tx, pauses)
    await withdrawal.withdraw_unfit(tx, pauses)


@consumer.on(ContractResumed)
async def end_pause(resumptions: Sequence[ContractResumed], tx: Transaction) -> None:
    await projection.keep_positions(tx, resumptions)
    await projection.keep_pauses(tx, resumptions)
    await withdrawal.withdraw_unfit(tx, resumptions)


@consumer.on(ContractClosed)
async def withdraw_closed(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    await projection.keep_positions(tx, closings)
    await withdrawal.withdraw(tx, [Cause.of(closing, Reason.CLOSED) for closing in closings])


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    await projection.keep_positions(tx, changes)
    await withdrawal.withdraw_unfit(tx, changes)


async def keep_whole(contracts: Sequence[ContractWhole], tx: Transaction) -> None:
    """A new file may have taken it below the campaign's conditions, closed it, or left it without a phone."""
    await projection.keep_wholes(tx, contracts)
    await withdrawal.withdraw_unfit(tx, contracts)


consumer.on(ContractRegistered)(keep_whole)
consumer.on(ContractRevised)(keep_whole)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Whether it can be listed, and for which day."""
    await projection.keep_portfolios(tx, changes)


async def hand_over(placements: Sequence[ContractPlaced | PlacementReinstated], tx: Transaction) -> None:
    """An agency that dials finds the contract on its next list; from the day on which one collects, nobody dials."""
    await projection.keep_placements(tx, placements)
    collecting = [placement for placement in placements if placement.kind is PlacementKind.COLLECTION]
    reaches = [Reach(starts_on=placement.starts_on, ends_on=placement.ends_on) for placement in collecting]
    await _withdraw_within(tx, Reason.NO_LONGER_ELIGIBLE, collecting, reaches)


consumer.on(ContractPlaced)(hand_over)
consumer.on(PlacementReinstated)(hand_over)


async def take_back(placements: Sequence[PlacementEvent], tx: Transaction) -> None:
    """The agency stops now, whenever its recall becomes final; others may go on dialling."""
    await projection.keep_placements(tx, placements)
    dialing = [placement for placement in placements if placement.kind is PlacementKind.DIALING]
    await _withdraw_within(tx, Reason.RECALL, dialing, [Reach(agency_id=placement.agency_id) for placement in dialing])


consumer.on(PlacementRecallRequested)(take_back)
consumer.on(PlacementRecalled)(take_back)
consumer.on(PlacementEnded)(take_back)


async def withdraw_promised(promises: Sequence[PromiseMade | PromiseReopened], tx: Transaction) -> None:
    """Whoever has promised is left alone up to that day, inclusive; the day itself ends the silence, no event."""
    await projection.keep_promises(tx, promises)
    reaches = [Reach(ends_on=promise.silent_until) for promise in promises]
    await _withdraw_within(tx, Reason.PROMISE, promises, reaches)


consumer.on(PromiseMade)(withdraw_promised)
consumer.on(PromiseReopened)(withdraw_promised)


async def end_promise(promises: Sequence[PromiseEvent], tx: Transaction) -> None:
    """The silence that it had asked for is over, from the next list on: today's is never refilled."""
    await projection.keep_promises(tx, promises)


consumer.on(PromiseKept)(end_promise)
consumer.on(PromisePartlyKept)(end_promise)
consumer.on(PromiseBroken)(end_promise)
consumer.on(PromiseCancelled)(end_promise)


async def _withdraw_within(
    tx: Transaction, reason: Reason, events: Sequence[ContractEvent], reaches: Sequence[Reach]
) -> None:
    """Facts silence whatever their version. What is only said again may be over: there what is known decides."""
    new = [(event, reach) for event, reach in zip(events, reaches, strict=True) if not event.is_republished]
    await withdrawal.withdraw_within(tx, [Cause.of(event, reason) for event, _ in new], [reach for _, reach in new])
    if again := [event for event in events if event.is_republished]:
        await withdrawal.withdraw_unfit(tx, again)


@consumer.on(VisitOrdered)
async def know_visit(visits: Sequence[VisitOrdered], tx: Transaction) -> None:
    await projection.keep_visits_ordered(tx, visits)


@consumer.on(VisitCompleted)
async def count_visit(visits: Sequence[VisitCompleted], tx: Transaction) -> None:
    """Calls and visits share the limits of call frequency, which bar from the next list and never withdraw."""
    await projection.keep_visits_made(tx, visits)


@consumer.on(ContractSetAside)
async def withdraw_unknown(events: Sequence[ContractSetAside], tx: Transaction) -> None:
    """Some service, perhaps we, could not follow the contract: nobody knows whether the debtor may be called."""
    await projection.keep_set_aside(tx, events)
    await withdrawal.withdraw(tx, [Cause.of(event, Reason.UNKNOWN_STATE) for event in events])


@consumer.on(ContractReplayed)
async def know_again(events: Sequence[ContractReplayed], tx: Transaction) -> None:
    """From the next list on, as long as no other service is still behind: today's is never refilled."""
    await projection.keep_replayed(tx, events)
