"""Handlers of the other services' events: they keep each fact, then withdraw the contracts that the fact silences.

A fact that silences withdraws whatever its version, because even an overtaken fact forbids calls today.
Versions decide only which facts are kept.
"""

from collections.abc import Sequence

from projections import (
    clarifications,
    contact_points,
    contracts,
    pauses,
    payments,
    placements,
    promises,
    set_aside,
)
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
    AttemptMade,
    ClarificationOpened,
    ClarificationResolved,
    ContactChange,
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
    ConvenienceChanged,
    DebtorErased,
    DebtorStatus,
    DebtorStatusChanged,
    PartyChange,
    PartyChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    StageCause,
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

from dialer_feed.lists import phones
from dialer_feed.lists.requesting import SOURCES
from dialer_feed.projection import business_days, erasures, own_calls, results, visits
from dialer_feed.projection.contracts import PORTFOLIOS, POSITIONS, keep_wholes
from dialer_feed.withdrawals import silencing
from dialer_feed.withdrawals.silencing import live_lists
from dialer_feed.withdrawals.withdrawing import Cause, Reach

consumer = Consumer("dialer-feed", listens_to=SOURCES, platform=SERVICE_NAMES)

_SILENT_STATUSES = {DebtorStatus.DECEASED: Reason.DECEASED, DebtorStatus.REPRESENTED: Reason.REPRESENTED}
_PAID = (StageCause.PAYMENT, StageCause.BACKDATED_PAYMENT)


@consumer.first
async def share_silencing_lock(tx: Transaction) -> None:
    await silencing.begin(tx)


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    contract_ids = sorted_unique(event.contract_id for event in events if isinstance(event, ContractEvent))
    if contract_ids:
        await silencing.lock(tx, contract_ids, may_be_new=True)


@consumer.last
async def number_withdrawals_and_keep_silences(tx: Transaction) -> None:
    await silencing.number(tx)


@consumer.on(PaymentReceived)
async def withdraw_paid(received: Sequence[PaymentReceived], tx: Transaction) -> None:
    """Withdraw the contract from every live list. A debtor who has paid must not be called."""
    await POSITIONS.keep(tx, received)
    await payments.keep(tx, received)
    await live_lists(tx).withdraw([Cause.of(payment, Reason.PAYMENT) for payment in received])
    await results.keep_payments(tx, received)


@consumer.on(PaymentReversed)
async def end_holdoff(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """The payment counts for nothing from the next list on. Today's list is never refilled."""
    await POSITIONS.keep(tx, reversals)
    await payments.keep_reversals(tx, reversals)
    await results.keep_payments(tx, reversals)
    await live_lists(tx).withdraw_unfit(reversals)


@consumer.on(ClarificationOpened)
async def withdraw_disputed(disputes: Sequence[ClarificationOpened], tx: Transaction) -> None:
    await POSITIONS.keep(tx, disputes)
    await clarifications.keep(tx, disputes)
    await live_lists(tx).withdraw([Cause.of(dispute, Reason.CLARIFICATION) for dispute in disputes])


@consumer.on(ClarificationResolved)
async def end_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The corrected amounts may fall below a campaign's minimum."""
    await POSITIONS.keep(tx, resolutions)
    await clarifications.keep_resolutions(tx, resolutions)
    await live_lists(tx).withdraw_unfit(resolutions)


@consumer.on(DebtorStatusChanged)
async def withdraw_deceased_and_represented(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    await POSITIONS.keep(tx, changes)
    await contracts.keep_statuses(tx, changes)
    silent = [change for change in changes if change.status in _SILENT_STATUSES]
    await live_lists(tx).withdraw([Cause.of(change, _SILENT_STATUSES[change.status]) for change in silent])
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(ContactPointChanged)
async def withdraw_unusable_numbers(changes: Sequence[ContactPointChanged], tx: Transaction) -> None:
    """A wrong or opted-out number leaves its entry of today's list, which is withdrawn when no number is left."""
    await POSITIONS.keep(tx, changes)
    await contact_points.keep(tx, changes)
    unusable = [change for change in changes if not change.usable]
    causes = [Cause.of(change, _reason_of_number(change)) for change in unusable]
    await live_lists(tx).withdraw_numbers(causes, [change.contact_id for change in unusable])
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(ConvenienceChanged)
async def follow_convenience(changes: Sequence[ConvenienceChanged], tx: Transaction) -> None:
    """A debtor who wants no calls leaves the lists. Hours and days decide only when an entry may be called."""
    await POSITIONS.keep(tx, changes)
    await contracts.keep_conveniences(tx, changes)
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(PartyChanged)
async def follow_party(changes: Sequence[PartyChanged], tx: Transaction) -> None:
    """The numbers that may no longer be dialled leave their entries: those of a removed party, and an employer's."""
    await POSITIONS.keep(tx, changes)
    await contact_points.keep_of_parties(tx, changes)
    cause_of = {change.contract_id: Cause.of(change, _reason_of_party(change)) for change in changes}
    gone = await tx.fetch(phones.NOT_DIALABLE, list(cause_of))
    causes = [cause_of[row["contract_id"]] for row in gone]
    await live_lists(tx).withdraw_numbers(causes, [row["contact_id"] for row in gone])
    await live_lists(tx).withdraw_unfit(changes)


def _reason_of_party(change: PartyChanged) -> Reason:
    refused = any(point.refused_media for point in change.party.contact_points)
    if change.change is PartyChange.CONTACT_CHANGED:
        return Reason.OPTED_OUT if refused else Reason.WRONG_NUMBER
    return Reason.NO_LONGER_ELIGIBLE


def _reason_of_number(change: ContactPointChanged) -> Reason:
    return Reason.OPTED_OUT if change.change is ContactChange.OPTED_OUT else Reason.WRONG_NUMBER


@consumer.on(DebtorErased)
async def forget_person(erased: Sequence[DebtorErased], tx: Transaction) -> None:
    """Erase names, phones and places. The contracts are closed, so they are on no list."""
    await POSITIONS.keep(tx, erased)
    await erasures.erase(tx, erased)
    await live_lists(tx).withdraw_unfit(erased)


@consumer.on(ContractPaused)
async def withdraw_paused(paused: Sequence[ContractPaused], tx: Transaction) -> None:
    """Withdraw only where the pause covers the day. A pause that lies ahead changes nothing yet."""
    await POSITIONS.keep(tx, paused)
    await pauses.keep(tx, paused)
    await live_lists(tx).withdraw_unfit(paused)


@consumer.on(ContractResumed)
async def end_pause(resumptions: Sequence[ContractResumed], tx: Transaction) -> None:
    await POSITIONS.keep(tx, resumptions)
    await pauses.keep(tx, resumptions)
    await live_lists(tx).withdraw_unfit(resumptions)


@consumer.on(ContractClosed)
async def withdraw_closed(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    await POSITIONS.keep(tx, closings)
    await live_lists(tx).withdraw([Cause.of(closing, Reason.CLOSED) for closing in closings])


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    """A payment that moves a contract to another stage withdraws it, even if PaymentReceived arrives later."""
    await POSITIONS.keep(tx, changes)
    paid = [change for change in changes if change.cause in _PAID and not change.is_republished]
    await live_lists(tx).withdraw([Cause.of(change, Reason.PAYMENT) for change in paid])
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(ContractSegmentChanged)
async def follow_segment(changes: Sequence[ContractSegmentChanged], tx: Transaction) -> None:
    """The contract may belong to a segment that its campaign does not dial."""
    await POSITIONS.keep(tx, changes)
    await contracts.keep_segments(tx, changes)
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(ContractEscalated)
async def follow_step(changes: Sequence[ContractEscalated], tx: Transaction) -> None:
    """The contract may stand at a step that its campaign does not dial, or that allows no calls."""
    await POSITIONS.keep(tx, changes)
    await contracts.keep_steps(tx, changes, allows=True)
    await live_lists(tx).withdraw_unfit(changes)


@consumer.on(ContractRegistered, ContractRevised)
async def follow_contract(wholes: Sequence[ContractWhole], tx: Transaction) -> None:
    """A new file may have closed the contract, left it without a phone, or taken it out of a campaign's conditions.

    A payment that a file reports withdraws like any other payment. An entry names no contract that another person has.
    """
    await keep_wholes(tx, wholes)
    await erasures.erase(tx, contracts.erased(wholes))
    paid = [whole for whole in wholes if whole.file_payments and not whole.is_republished]
    await live_lists(tx).withdraw([Cause.of(whole, Reason.PAYMENT) for whole in paid])
    await live_lists(tx).withdraw_unfit(wholes)
    await live_lists(tx).withdraw_others_of_another(wholes)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Keep the portfolio's state and business date: they decide whether and for which day lists can be built."""
    await PORTFOLIOS.keep(tx, changes)
    await business_days.keep(tx, changes)


@consumer.on(ContractPlaced, PlacementReinstated)
async def hand_over(placed: Sequence[ContractPlaced | PlacementReinstated], tx: Transaction) -> None:
    """A dialing agency gets the contract on its next list. On days on which an agency collects, nobody dials."""
    await placements.keep(tx, placed)
    await placements.keep_ends(tx, placed)
    collecting = [placement for placement in placed if placement.kind is PlacementKind.COLLECTION]
    reaches = [Reach(starts_on=placement.starts_on, ends_on=placement.ends_on) for placement in collecting]
    await _withdraw_within(tx, Reason.NO_LONGER_ELIGIBLE, collecting, reaches)


_RECALLED_FOR = {
    "paid_in_full": Reason.PAYMENT,
    "deceased": Reason.DECEASED,
    "represented": Reason.REPRESENTED,
}
"""Why the rules have recalled a placement, as the reason to withdraw an entry."""


def _recalled_for(event: PlacementEvent) -> Reason:
    return _RECALLED_FOR.get(getattr(event, "reason", ""), Reason.RECALL)


@consumer.on(PlacementRecallRequested, PlacementRecalled, PlacementEnded)
async def take_back(taken: Sequence[PlacementEvent], tx: Transaction) -> None:
    """The agency must stop dialling now, even before the recall is final. Others may go on dialling.

    A recall may overtake the payment or the status that has brought it about. The entry then leaves for that reason.
    """
    await placements.keep(tx, taken)
    await placements.keep_ends(tx, taken)
    dialing = [placement for placement in taken if placement.kind is PlacementKind.DIALING]
    for reason in (Reason.RECALL, *_RECALLED_FOR.values()):
        of_reason = [event for event in dialing if _recalled_for(event) is reason]
        await _withdraw_within(tx, reason, of_reason, [Reach(agency_id=event.agency_id) for event in of_reason])


@consumer.on(PromiseMade, PromiseReopened)
async def withdraw_promised(promised: Sequence[PromiseMade | PromiseReopened], tx: Transaction) -> None:
    """Withdraw up to and including ``silent_until``. The silence ends when that day has passed, without an event."""
    await promises.keep(tx, promised)
    await results.keep_promises(tx, promised)
    reaches = [Reach(ends_on=promise.silent_until) for promise in promised]
    await _withdraw_within(tx, Reason.PROMISE, promised, reaches)


@consumer.on(PromiseKept, PromisePartlyKept, PromiseBroken, PromiseCancelled)
async def end_promise(ended: Sequence[PromiseEvent], tx: Transaction) -> None:
    """The promise no longer silences its contract from the next list on. Today's list is never refilled."""
    await promises.keep(tx, ended)
    await results.keep_promises(tx, ended)


async def _withdraw_within(
    tx: Transaction, reason: Reason, events: Sequence[ContractEvent], reaches: Sequence[Reach]
) -> None:
    """Withdraw new facts whatever their version. A republished fact may be over, so the kept state decides."""
    new = [(event, reach) for event, reach in zip(events, reaches, strict=True) if not event.is_republished]
    await live_lists(tx).withdraw_within([Cause.of(event, reason) for event, _ in new], [reach for _, reach in new])
    if republished := [event for event in events if event.is_republished]:
        await live_lists(tx).withdraw_unfit(republished)


@consumer.on(AttemptMade)
async def count_own_calls(attempts: Sequence[AttemptMade], tx: Transaction) -> None:
    """A call of the creditor's own people counts for the caps of the next list."""
    await own_calls.keep(tx, attempts)


@consumer.on(VisitOrdered)
async def keep_ordered_visits(ordered: Sequence[VisitOrdered], tx: Transaction) -> None:
    await visits.keep_ordered(tx, ordered)


@consumer.on(VisitCompleted)
async def keep_made_visits(made: Sequence[VisitCompleted], tx: Transaction) -> None:
    """Visits count for call frequency as calls do. Call frequency bars from the next list and never withdraws."""
    await visits.keep_made(tx, made)


@consumer.on(ContractSetAside)
async def withdraw_unknown(events: Sequence[ContractSetAside], tx: Transaction) -> None:
    """Withdraw. Some service, perhaps this one, set an event aside, so nobody knows whether a call is allowed."""
    await set_aside.keep(tx, events)
    await live_lists(tx).withdraw([Cause.of(event, Reason.UNKNOWN_STATE) for event in events])


@consumer.on(ContractReplayed)
async def release_replayed(events: Sequence[ContractReplayed], tx: Transaction) -> None:
    """The contract may be on the next list if no service has an event set aside. Today's list is never refilled."""
    await set_aside.keep_replayed(tx, events)
