"""What the other services say and what it means here: agencies hear of it, contracts are placed or recalled.

Facts reach agencies and commissions whatever their version. Versions decide what is kept.
"""

from collections.abc import Sequence
from uuid import UUID

from recobro_events import Consumer, ContractEvent, Event, Note, Transaction, sorted_unique
from recobro_events.contracts import agency
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn
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
    DebtorStatusChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
)
from recobro_platform import SERVICE_NAMES

from assignment import projection, projection_queries
from assignment.agency_feed.telling import cause_of, ever_placed, tell
from assignment.commissions import earning
from assignment.placing import reviewing

# From field-visits and promises only their barriers are needed so far.
consumer = Consumer(
    "assignment", listens_to=("portfolio", "dialer-feed", "field-visits", "promises"), platform=SERVICE_NAMES
)

DUE_AT_ONCE = 10_000
"""So many placements end with a portfolio's day in its own transaction; a placement run does the rest."""

_DUE: Note[dict[UUID, UUID]] = Note(dict)
"""Contracts that have something due by date, each with the portfolio whose day moved."""


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    """Portfolios, then contracts: those of the events, and those that a portfolio's new day is the last one for."""
    contract_ids = {event.contract_id for event in events if isinstance(event, ContractEvent)}
    days = {e.portfolio_id: e.business_date for e in events if isinstance(e, PortfolioStateChanged) and e.business_date}
    due: dict[UUID, UUID] = {}
    if days:
        await projection_queries.lock_portfolios(tx, sorted_unique(days))
        rows = await projection_queries.due_contracts(tx, days, DUE_AT_ONCE)
        due = {row["contract_id"]: row["portfolio_id"] for row in rows}
    tx.note(_DUE).update(due)
    if contract_ids:
        await projection_queries.know_contracts(tx, sorted_unique(contract_ids))
    if contract_ids or due:
        await projection_queries.lock_contracts(tx, sorted_unique({*contract_ids, *due}))


@consumer.on(PaymentReceived)
async def earn_commissions(payments: Sequence[PaymentReceived], tx: Transaction) -> None:
    """Whoever has the contract earns from it and hears of it; what is paid in full goes back."""
    await earning.remember_overtaking(tx, payments)
    await projection.keep_positions(tx, payments)
    await earning.earn(tx, payments)
    await tell(tx, payments, _payment_received)
    await reviewing.follow(tx, payments)


def _payment_received(payment: PaymentReceived, agency_id: UUID) -> agency.PaymentReceived:
    return agency.PaymentReceived(
        agency_id=agency_id,
        contract_id=payment.contract_id,
        payment_id=payment.payment_id,
        amount=payment.amount,
        currency=payment.currency,
        paid_on=payment.paid_on,
        overdue_balance=payment.overdue_balance,
        total_balance=payment.total_balance,
    )


@consumer.on(PaymentReversed)
async def reverse_commissions(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """As if it had never been: what it earned is taken back."""
    await projection.keep_positions(tx, reversals)
    await earning.reverse(tx, reversals)
    await tell(tx, reversals, _payment_reversed)
    await reviewing.follow(tx, reversals)


def _payment_reversed(reversal: PaymentReversed, agency_id: UUID) -> agency.PaymentReversed:
    return agency.PaymentReversed(
        agency_id=agency_id,
        contract_id=reversal.contract_id,
        payment_id=reversal.payment_id,
        amount=reversal.amount,
        currency=reversal.currency,
        overdue_balance=reversal.overdue_balance,
        total_balance=reversal.total_balance,
    )


@consumer.on(ClarificationOpened)
async def tell_dispute(clarifications: Sequence[ClarificationOpened], tx: Transaction) -> None:
    """The agency keeps the contract and contacts nobody about it."""
    await projection.keep_positions(tx, clarifications)
    await projection.keep_clarifications(tx, clarifications)
    await tell(tx, clarifications, _clarification_opened)
    await reviewing.follow(tx, clarifications)


def _clarification_opened(dispute: ClarificationOpened, agency_id: UUID) -> agency.ClarificationOpened:
    return agency.ClarificationOpened(
        agency_id=agency_id, contract_id=dispute.contract_id, clarification_id=dispute.clarification_id
    )


@consumer.on(ClarificationResolved)
async def tell_end_of_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The corrected amounts may leave too little to work on."""
    await projection.keep_positions(tx, resolutions)
    await projection.keep_resolutions(tx, resolutions)
    await tell(tx, resolutions, _clarification_resolved)
    await reviewing.follow(tx, resolutions)


def _clarification_resolved(resolution: ClarificationResolved, agency_id: UUID) -> agency.ClarificationResolved:
    return agency.ClarificationResolved(
        agency_id=agency_id,
        contract_id=resolution.contract_id,
        clarification_id=resolution.clarification_id,
        contact_may_resume=resolution.contact_may_resume,
        still_open=len(resolution.still_open),
    )


@consumer.on(ContractRegistered)
async def place_new(contracts: Sequence[ContractRegistered], tx: Transaction) -> None:
    await _keep_whole(contracts, tx)


@consumer.on(ContractRevised)
async def follow_revision(contracts: Sequence[ContractRevised], tx: Transaction) -> None:
    """A new file may have changed which rules hold, or closed it."""
    await _keep_whole(contracts, tx)


async def _keep_whole(contracts: Sequence[ContractWhole], tx: Transaction) -> None:
    await projection.keep_wholes(tx, contracts)
    await reviewing.follow(tx, contracts)


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    await _keep_position(changes, tx)


@consumer.on(ContractClosed)
async def recall_closed(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    await _keep_position(closings, tx)


@consumer.on(DebtorStatusChanged)
async def follow_debtor(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    await _keep_position(changes, tx)


@consumer.on(ContactPointChanged)
async def follow_contact_point(changes: Sequence[ContactPointChanged], tx: Transaction) -> None:
    await _keep_position(changes, tx)


@consumer.on(ContractPaused)
async def follow_pause(pauses: Sequence[ContractPaused], tx: Transaction) -> None:
    await _keep_position(pauses, tx)


@consumer.on(ContractResumed)
async def follow_end_of_pause(resumptions: Sequence[ContractResumed], tx: Transaction) -> None:
    await _keep_position(resumptions, tx)


async def _keep_position(events: Sequence[PositionEvent], tx: Transaction) -> None:
    await projection.keep_positions(tx, events)
    await reviewing.follow(tx, events)


@consumer.on(PortfolioStateChanged)
async def end_what_the_day_ends(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Days of grace and terms of service contracts end with the portfolio's business date, not with the clock's."""
    await projection.keep_portfolios(tx, changes)
    events = {change.portfolio_id: change.event_id for change in changes}
    causes = {
        contract_id: events[portfolio_id]
        for contract_id, portfolio_id in tx.note(_DUE).items()
        if portfolio_id in events
    }
    if causes:
        await reviewing.settle(tx, sorted_unique(causes), causes)


@consumer.on(ListEntryWithdrawn)
async def tell_withdrawal(withdrawals: Sequence[ListEntryWithdrawn], tx: Transaction) -> None:
    """An agency hears what has left its own lists, as long as it has or had the contract."""
    pairs = [(w.contract_id, w.agency_id) for w in withdrawals if w.agency_id is not None]
    known = await ever_placed(tx, pairs) if pairs else set()
    for withdrawal in sorted(withdrawals, key=lambda withdrawal: withdrawal.contract_id):
        if withdrawal.agency_id is None or (withdrawal.contract_id, withdrawal.agency_id) not in known:
            continue
        told = agency.ListEntryWithdrawn(
            agency_id=withdrawal.agency_id,
            contract_id=withdrawal.contract_id,
            list_id=withdrawal.list_id,
            contract_number=withdrawal.contract_number,
            reason=withdrawal.reason,
            withdrawn_at=withdrawal.withdrawn_at,
        )
        tx.publish(told, cause=cause_of(withdrawal, withdrawal.agency_id), follows=withdrawal)
