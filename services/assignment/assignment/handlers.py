"""The handlers of assignment: they publish to agencies, compute commissions, and place or recall contracts.

An event reaches agencies and commissions whatever its version. Versions decide only which columns are stored.
"""

from collections.abc import Sequence
from uuid import UUID

from projections import clarifications, contracts, pauses, promises, set_aside
from projections import payments as paid
from recobro_events import Consumer, ContractEvent, Event, Note, Transaction, sorted_unique
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn
from recobro_events.contracts.portfolio import (
    AttemptMade,
    ClarificationOpened,
    ClarificationResolved,
    ContactPointChanged,
    ContractClosed,
    ContractEscalated,
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractSegmentChanged,
    ContractStageChanged,
    ContractWhole,
    DebtorErased,
    DebtorStatusChanged,
    PartyChanged,
    PaymentReapplied,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
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

from assignment import erasing, projection
from assignment.agency_feed import rules as feed
from assignment.agency_feed.publishing import publish, publish_withdrawals
from assignment.agency_feed.silencing import (
    keep_opt_outs,
    keep_opt_outs_from_contracts,
    keep_opt_outs_of_parties,
    publish_silences,
)
from assignment.commissions import payments
from assignment.commissions.earning import Because, settle
from assignment.placing import queries as placing_queries
from assignment.placing.reviewing import review, review_after, review_reversed

# Assignment handles no events of field-visits yet. It listens to that service for its barriers.
consumer = Consumer(
    "assignment", listens_to=("portfolio", "dialer-feed", "field-visits", "promises"), platform=SERVICE_NAMES
)

DUE_AT_ONCE = 10_000
"""The most contracts with due dates that the transaction of a portfolio's new day reviews.

A placement run handles the others.
"""

_IDENTIFIED = "identified"
"""The reason with which the bank's own payment takes the place of a payment of channel ``file``."""

_DUE: Note[dict[UUID, UUID]] = Note(dict)
"""Contracts whose grace or term is over, each with the portfolio whose business date moved."""


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    """Lock portfolios, then contracts.

    The contracts are those of the events, and those whose grace or term is over on a portfolio's new day.
    """
    contract_ids = {event.contract_id for event in events if isinstance(event, ContractEvent)}
    days = {e.portfolio_id: e.business_date for e in events if isinstance(e, PortfolioStateChanged) and e.business_date}
    due: dict[UUID, UUID] = {}
    if days:
        await tx.execute(projection.LOCK_PORTFOLIOS, sorted_unique(days))
        rows = await tx.fetch(placing_queries.DUE, *zip(*sorted(days.items()), strict=True), DUE_AT_ONCE)
        due = {row["contract_id"]: row["portfolio_id"] for row in rows}
    tx.note(_DUE).update(due)
    if contract_ids or due:
        await contracts.lock_or_add(tx, {*contract_ids, *due})


@consumer.on(PaymentReceived)
async def earn_commissions(received: Sequence[PaymentReceived], tx: Transaction) -> None:
    """The agency that has the contract earns, and agencies receive the event. A contract paid in full is recalled."""
    news = await payments.keep(tx, received)
    await projection.POSITIONS.keep(tx, received)
    await settle(tx, news, Because.PAYMENT)
    await publish(tx, received, feed.payment_received)
    await paid.keep(tx, received)
    await publish_silences(tx, received)
    await review_after(tx, received)


@consumer.on(PaymentReapplied)
async def earn_anew(changes: Sequence[PaymentReapplied], tx: Transaction) -> None:
    """A payment earns on the part that reduces the debt now."""
    news = await payments.keep_credits(tx, changes)
    await projection.POSITIONS.keep(tx, changes)
    await settle(tx, news, Because.REAPPLIED)
    await review_after(tx, changes)


@consumer.on(PaymentReversed)
async def reverse_commissions(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """The reversed payment's commission is taken back, and so are recalls that the payment brought about.

    When the bank's own payment takes the place of a file's, PaymentReceived follows with the position that holds.
    """
    news = await payments.keep_reversals(tx, reversals)
    await projection.POSITIONS.keep(tx, reversals)
    await settle(tx, news, Because.REVERSAL)
    await publish(tx, reversals, feed.payment_reversed)
    await paid.keep_reversals(tx, reversals)
    await publish_silences(tx, reversals)
    await review_reversed(tx, [reversal for reversal in reversals if reversal.reason != _IDENTIFIED])


@consumer.on(ClarificationOpened)
async def publish_dispute(disputes: Sequence[ClarificationOpened], tx: Transaction) -> None:
    """The agency keeps the contract and contacts nobody about it."""
    await projection.POSITIONS.keep(tx, disputes)
    await clarifications.keep(tx, disputes)
    await publish(tx, disputes, feed.clarification_opened)
    await publish_silences(tx, disputes)
    await review_after(tx, disputes)


@consumer.on(ClarificationResolved)
async def publish_end_of_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The agency receives the end of the dispute. After corrected amounts the rules may recall the contract."""
    await projection.POSITIONS.keep(tx, resolutions)
    await clarifications.keep_resolutions(tx, resolutions)
    await publish(tx, resolutions, feed.clarification_resolved)
    await publish_silences(tx, resolutions)
    await review_after(tx, resolutions)


@consumer.on(ContractRegistered, ContractRevised)
async def place_or_recall_whole(wholes: Sequence[ContractWhole], tx: Transaction) -> None:
    """Place a new contract. Review a known one, because its details may have changed which rules hold.

    Payments of channel ``file``, and republished ones that were missed, earn like any other.
    """
    reversed_payments = await payments.keep_missed_reversals(tx, wholes)
    news = {**await payments.keep_from_files(tx, wholes), **await payments.keep_missed(tx, wholes)}
    await projection.keep_wholes(tx, wholes)
    await erasing.erase(tx, contracts.erased(wholes))
    await settle(tx, reversed_payments, Because.REVERSAL)
    await settle(tx, news, Because.PAYMENT)
    await keep_opt_outs_from_contracts(tx, wholes)
    await publish_silences(tx, wholes)
    await review_after(tx, wholes)


@consumer.on(ContractPaused, ContractResumed)
async def follow_pause(events: Sequence[ContractPaused | ContractResumed], tx: Transaction) -> None:
    """Nobody contacts the debtor on paused days. They do not age a debt, so they decide fees too."""
    await projection.POSITIONS.keep(tx, events)
    await pauses.keep(tx, events)
    await publish_silences(tx, events)
    await review_after(tx, events)


@consumer.on(DebtorStatusChanged)
async def follow_debtor(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    """The placements of a deceased or represented debtor are recalled. A living one's are placed by the rules again."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_statuses(tx, changes)
    await publish_silences(tx, changes)
    await review_after(tx, changes)


@consumer.on(DebtorErased)
async def forget_person(erased: Sequence[DebtorErased], tx: Transaction) -> None:
    """Erase where the debtor lives, and the words about the placement. The contracts are closed."""
    await projection.POSITIONS.keep(tx, erased)
    await erasing.erase(tx, erased)
    await review_after(tx, erased)


@consumer.on(ContactPointChanged)
async def follow_opt_outs(changes: Sequence[ContactPointChanged], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, changes)
    await keep_opt_outs(tx, changes)
    await publish_silences(tx, changes)
    await review_after(tx, changes)


@consumer.on(PartyChanged)
async def follow_opt_outs_of_parties(changes: Sequence[PartyChanged], tx: Transaction) -> None:
    """Agencies learn which numbers of a guarantor are refused, as they do of the debtor's."""
    await projection.POSITIONS.keep(tx, changes)
    await keep_opt_outs_of_parties(tx, changes)
    await publish_silences(tx, changes)
    await review_after(tx, changes)


@consumer.on(ContractStageChanged, ContractClosed)
async def place_or_recall(events: Sequence[PositionEvent], tx: Transaction) -> None:
    """Review the contract, because its new position may have changed which rules hold."""
    await projection.POSITIONS.keep(tx, events)
    await review_after(tx, events)


@consumer.on(ContractSegmentChanged)
async def follow_segment(changes: Sequence[ContractSegmentChanged], tx: Transaction) -> None:
    """Review the contract, because rules may ask for segments."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_segments(tx, changes)
    await review_after(tx, changes)


@consumer.on(ContractEscalated)
async def follow_step(changes: Sequence[ContractEscalated], tx: Transaction) -> None:
    """Review the contract, because rules may ask for steps of the ladder."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_steps(tx, changes)
    await review_after(tx, changes)


@consumer.on(AttemptMade)
async def place_after_attempts(made: Sequence[AttemptMade], tx: Transaction) -> None:
    """A rule may wait until the creditor's own people have tried often enough."""
    await projection.keep_attempts(tx, made)
    await review_after(tx, made)


@consumer.on(PromiseMade, PromiseReopened, PromiseKept, PromisePartlyKept, PromiseBroken, PromiseCancelled)
async def follow_promise(events: Sequence[PromiseEvent], tx: Transaction) -> None:
    """An open promise silences its contract until a day, which passes without an event."""
    await promises.keep(tx, events)
    await publish_silences(tx, events)


@consumer.on(ContractSetAside)
async def silence_unknown(events: Sequence[ContractSetAside], tx: Transaction) -> None:
    """Some service could not apply an event of the contract, so nobody knows whether contact is allowed."""
    await set_aside.keep(tx, events)
    await publish_silences(tx, events)


@consumer.on(ContractReplayed)
async def release_replayed(events: Sequence[ContractReplayed], tx: Transaction) -> None:
    await set_aside.keep_replayed(tx, events)
    await publish_silences(tx, events)


@consumer.on(PortfolioStateChanged)
async def end_due_placements(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Days of grace and terms of service contracts end by the portfolio's business date, not by the wall clock."""
    await projection.PORTFOLIOS.keep(tx, changes)
    events = {change.portfolio_id: change.event_id for change in changes}
    causes = {
        contract_id: events[portfolio_id]
        for contract_id, portfolio_id in tx.note(_DUE).items()
        if portfolio_id in events
    }
    if causes:
        await review(tx, sorted_unique(causes), causes)


@consumer.on(ListEntryWithdrawn)
async def publish_withdrawal(withdrawals: Sequence[ListEntryWithdrawn], tx: Transaction) -> None:
    await publish_withdrawals(tx, withdrawals)
