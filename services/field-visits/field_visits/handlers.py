"""Handlers of the other services' events: they keep each fact, then cancel the visits that the fact silences.

A fact that silences cancels visits whatever its version, because even an outdated fact means that nobody may visit.
Versions decide only which facts are kept.
"""

from collections.abc import Sequence

from projections import clarifications, contracts, pauses, payments, promises, set_aside
from recobro_events import Consumer, ContractEvent, Event, Transaction
from recobro_events.contracts.assignment import (
    AgencyChanged,
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.field_visits import CancelReason as Reason
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContactPointChanged,
    ContractClosed,
    ContractEscalated,
    ContractPaused,
    ContractRegistered,
    ContractResumed,
    ContractRevised,
    ContractStageChanged,
    ContractWhole,
    ConvenienceChanged,
    DebtorErased,
    DebtorStatus,
    DebtorStatusChanged,
    PartyChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
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

from field_visits import erasing, projection
from field_visits.visits.cancelling import Cause, Paid, cancel, cancel_forbidden, cancel_paid, cancel_unfit
from field_visits.visits.reinstating import reinstate

consumer = Consumer(
    "field-visits", listens_to=("portfolio", "assignment", "promises", "dialer-feed"), platform=SERVICE_NAMES
)

_CANCELLING_STATUSES = {
    DebtorStatus.DECEASED: Reason.DECEASED,
    DebtorStatus.REPRESENTED: Reason.REPRESENTED,
    DebtorStatus.UNLOCATABLE: Reason.UNLOCATABLE,
}
_PAID = (StageCause.PAYMENT, StageCause.BACKDATED_PAYMENT)


@consumer.lock_rows
async def lock_contracts(tx: Transaction, events: Sequence[Event]) -> None:
    contract_ids = {event.contract_id for event in events if isinstance(event, ContractEvent)}
    if contract_ids:
        await contracts.lock_or_add(tx, contract_ids)


@consumer.on(PaymentReceived)
async def cancel_visits_of_payers(received: Sequence[PaymentReceived], tx: Transaction) -> None:
    """Cancel every open visit. A debtor who has paid must not be visited."""
    await projection.POSITIONS.keep(tx, received)
    await payments.keep(tx, received)
    paid = [Paid(e.contract_id, e.payment_id, e.as_of, e.received_at) for e in received]
    await cancel_paid(tx, paid, [Cause.of(payment, Reason.PAYMENT) for payment in received])


@consumer.on(PaymentClaimed)
async def hold_off_claimed(claims: Sequence[PaymentClaimed], tx: Transaction) -> None:
    """A debtor who says that it was paid is not visited on the days without contact. A person decides on the others."""
    effective = [claim for claim in claims if claim.effective]
    if effective:
        await payments.keep_claims(tx, effective)
        await cancel_unfit(tx, effective)


@consumer.on(PaymentReversed)
async def follow_reversal(reversals: Sequence[PaymentReversed], tx: Transaction) -> None:
    """The payment counts for nothing: the visits of later days that it cancelled stand again."""
    await projection.POSITIONS.keep(tx, reversals)
    await payments.keep_reversals(tx, reversals)
    await cancel_unfit(tx, reversals)
    if new := [reversal for reversal in reversals if not reversal.is_republished]:
        await reinstate(tx, new)


@consumer.on(ContractStageChanged)
async def follow_stage(changes: Sequence[ContractStageChanged], tx: Transaction) -> None:
    """A payment that moves a contract to another stage cancels its visits, even if PaymentReceived arrives later.

    A visit that was ordered after the payment, for a day on which contact is allowed again, stands.
    """
    await projection.POSITIONS.keep(tx, changes)
    paid = [change for change in changes if change.cause in _PAID and not change.is_republished]
    await cancel(tx, [Cause.of(e, Reason.PAYMENT, ordered_before=e.occurred_at) for e in paid])
    await cancel_unfit(tx, changes)


@consumer.on(ConvenienceChanged)
async def follow_convenience(changes: Sequence[ConvenienceChanged], tx: Transaction) -> None:
    """Cancel the visits on days, and to addresses, that the debtor has called inconvenient."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_conveniences(tx, changes)
    await cancel_unfit(tx, changes)
    await cancel_forbidden(tx, changes)


@consumer.on(ContractEscalated)
async def follow_step(changes: Sequence[ContractEscalated], tx: Transaction) -> None:
    """Cancel the visits of contracts whose step allows none."""
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_steps(tx, changes, allows=True)
    await cancel_unfit(tx, changes)
    await cancel_forbidden(tx, changes)


@consumer.on(ContactPointChanged, PartyChanged)
async def follow_position(events: Sequence[PositionEvent], tx: Transaction) -> None:
    """Keep the position and cancel visits that it rules out. Visits need no contact points."""
    await projection.POSITIONS.keep(tx, events)
    await cancel_unfit(tx, events)


@consumer.on(ClarificationOpened)
async def cancel_disputed(disputes: Sequence[ClarificationOpened], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, disputes)
    await clarifications.keep(tx, disputes)
    await cancel(tx, [Cause.of(dispute, Reason.CLARIFICATION) for dispute in disputes])


@consumer.on(ClarificationResolved)
async def end_dispute(resolutions: Sequence[ClarificationResolved], tx: Transaction) -> None:
    """The corrected amounts may leave nothing overdue; then visits are cancelled."""
    await projection.POSITIONS.keep(tx, resolutions)
    await clarifications.keep_resolutions(tx, resolutions)
    await cancel_unfit(tx, resolutions)


@consumer.on(DebtorStatusChanged)
async def cancel_by_status(changes: Sequence[DebtorStatusChanged], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, changes)
    await contracts.keep_statuses(tx, changes)
    final = [change for change in changes if change.status in _CANCELLING_STATUSES]
    await cancel(tx, [Cause.of(change, _CANCELLING_STATUSES[change.status]) for change in final])
    await cancel_unfit(tx, changes)


@consumer.on(DebtorErased)
async def forget_person(erased: Sequence[DebtorErased], tx: Transaction) -> None:
    """Erase names, addresses, what was found at the door, and photos. The contracts are closed."""
    await projection.POSITIONS.keep(tx, erased)
    await erasing.erase(tx, erased)
    await cancel_unfit(tx, erased)


@consumer.on(ContractPaused, ContractResumed)
async def cancel_paused(events: Sequence[ContractPaused | ContractResumed], tx: Transaction) -> None:
    """Cancel only the visits on a day that the pause covers."""
    await projection.POSITIONS.keep(tx, events)
    await pauses.keep(tx, events)
    await cancel_unfit(tx, events)


@consumer.on(ContractClosed)
async def cancel_closed(closings: Sequence[ContractClosed], tx: Transaction) -> None:
    await projection.POSITIONS.keep(tx, closings)
    await cancel(tx, [Cause.of(closing, Reason.CLOSED) for closing in closings])


@consumer.on(ContractRegistered, ContractRevised)
async def follow_whole(wholes: Sequence[ContractWhole], tx: Transaction) -> None:
    """A new file may have closed the contract or left nothing overdue. A payment that it reports cancels visits."""
    await projection.keep_wholes(tx, wholes)
    await erasing.erase(tx, contracts.erased(wholes))
    new = [whole for whole in wholes if whole.file_payments and not whole.is_republished]
    paid = [Paid(e.contract_id, p.payment_id, p.business_date, e.occurred_at) for e in new for p in e.file_payments]
    await cancel_paid(tx, paid, [Cause.of(whole, Reason.PAYMENT) for whole in new])
    await cancel_unfit(tx, wholes)
    await cancel_forbidden(tx, wholes)


@consumer.on(PortfolioStateChanged)
async def follow_portfolio(changes: Sequence[PortfolioStateChanged], tx: Transaction) -> None:
    """Keep the portfolio's names and its business date."""
    await projection.PORTFOLIOS.keep(tx, changes)


@consumer.on(AgencyChanged)
async def follow_agency(changes: Sequence[AgencyChanged], tx: Transaction) -> None:
    """Keep what letters say of the agency."""
    await projection.keep_agencies(tx, changes)


@consumer.on(ContractPlaced, PlacementReinstated)
async def place(placements: Sequence[PlacementEvent], tx: Transaction) -> None:
    """The agency may order visits. A visit that an earlier recall cancelled stays cancelled."""
    await projection.keep_placements(tx, placements)
    await projection.keep_ends(tx, [event for event in placements if isinstance(event, PlacementReinstated)])


@consumer.on(PlacementRecallRequested, PlacementRecalled, PlacementEnded)
async def cancel_recalled(events: Sequence[PlacementEvent], tx: Transaction) -> None:
    """Cancel the open visits that were ordered under these placements. Other visits stand."""
    await projection.keep_placements(tx, events)
    await projection.keep_ends(tx, events)
    await cancel(tx, [Cause.of(event, Reason.RECALL, placement_id=event.placement_id) for event in events])


@consumer.on(PromiseMade)
async def cancel_promised(made: Sequence[PromiseMade], tx: Transaction) -> None:
    """Cancel the visits up to the last day on which the promise silences its contract.

    A republished promise may be over, so the kept state decides.
    """
    await promises.keep(tx, made)
    new = [promise for promise in made if not promise.is_republished]
    await cancel(tx, [Cause.of(promise, Reason.PROMISE, until=promise.silent_until) for promise in new])
    await cancel_unfit(tx, made)


@consumer.on(PromiseReopened)
async def cancel_promised_again(reopened: Sequence[PromiseReopened], tx: Transaction) -> None:
    await promises.keep(tx, reopened)
    await cancel_unfit(tx, reopened)


@consumer.on(PromiseKept, PromisePartlyKept, PromiseBroken, PromiseCancelled)
async def end_promises(ended: Sequence[PromiseEvent], tx: Transaction) -> None:
    """The promise no longer silences its contract: visits may be ordered again."""
    await promises.keep(tx, ended)


@consumer.on(ContractSetAside)
async def cancel_in_unknown_state(events: Sequence[ContractSetAside], tx: Transaction) -> None:
    """Cancel visits. Some service, perhaps this one, set an event aside, so nobody knows whether a visit is allowed."""
    await set_aside.keep(tx, events)
    await cancel(tx, [Cause.of(event, Reason.UNKNOWN_STATE) for event in events])


@consumer.on(ContractReplayed)
async def end_unknown_state(events: Sequence[ContractReplayed], tx: Transaction) -> None:
    """Visits may be ordered again once no service has an event set aside. A cancelled visit stays cancelled."""
    await set_aside.keep_replayed(tx, events)
