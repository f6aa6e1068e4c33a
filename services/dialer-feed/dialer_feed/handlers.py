"""What the portfolio says, and what it means for the lists: first it is kept, then whoever it silences is withdrawn.

Facts that silence withdraw whatever their version: a fact that was overtaken still says that somebody must not be
called today. Versions decide what is kept.
"""

from collections.abc import Sequence

from events.consumer import Consumer
from events.contracts.base import ContractEvent, Event
from events.contracts.dialer_feed import WithdrawalReason as Reason
from events.contracts.portfolio import (
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
from events.database import Transaction, sorted_unique

from dialer_feed import projection, projection_queries, withdrawal
from dialer_feed.withdrawal import Cause

consumer = Consumer("dialer-feed", listens_to=("portfolio",))

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


@consumer.on(ContractRegistered)
async def register(contracts: Sequence[ContractRegistered], tx: Transaction) -> None:
    await _keep_whole(contracts, tx)


@consumer.on(ContractRevised)
async def revise(contracts: Sequence[ContractRevised], tx: Transaction) -> None:
    """A new file may have taken it below the campaign's conditions, closed it, or left it without a phone."""
    await _keep_whole(contracts, tx)


async def _keep_whole(contracts: Sequence[ContractWhole], tx: Transaction) -> None:
    await projection.keep_wholes(tx, contracts)
    await withdrawal.withdraw_unfit(tx, contracts)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Whether it can be listed, and for which day."""
    await projection.keep_portfolios(tx, changes)
