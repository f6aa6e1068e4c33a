"""Facts of the other services, kept in our own tables.

Groups of columns keep a version each and compare an event only with the groups that it carries: a payment that
overtakes its contract's registration does not erase the debtor's phone. Nothing here withdraws; ``handlers`` does.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from jurisdictions import UnknownJurisdiction, state_named
from recobro_events import Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementEvent,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
    PlacementState,
)
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContactPointChanged,
    ContractPaused,
    ContractResumed,
    ContractWhole,
    DebtorStatusChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
)
from recobro_events.contracts.promises import PromiseEvent, PromiseMade, PromiseReopened
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

from dialer_feed.projection import queries

_STATE_AFTER: dict[type[PlacementEvent], PlacementState] = {
    ContractPlaced: PlacementState.ACTIVE,
    PlacementRecallRequested: PlacementState.RECALL_PENDING,
    PlacementRecalled: PlacementState.RECALLED,
    PlacementReinstated: PlacementState.ACTIVE,
    PlacementEnded: PlacementState.ENDED,
}


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


async def keep_positions(tx: Transaction, events: Sequence[PositionEvent]) -> None:
    """State, stage and balances, where they are newer than what is known."""
    rows = [(e.contract_id, e.version, e.state, e.stage, e.overdue_balance, e.oldest_due_on) for e in events]
    await queries.save_positions(tx, _columns(rows))


async def keep_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Everything that a whole contract says: each group where it is newer."""
    await keep_positions(tx, events)
    await queries.save_details(tx, _columns(_details(event) for event in events))
    await queries.save_statuses(tx, _columns((e.contract_id, e.debtor.status_version, e.debtor.status) for e in events))
    await _keep_contact_points_of_wholes(tx, events)
    pauses = [(e.contract_id, p.pause_id, p.version, p.starts_on, p.ends_on) for e in events for p in e.pauses]
    if pauses:
        await queries.save_pauses(tx, _columns(pauses))
    await queries.retire_pauses(
        tx, _columns((e.contract_id, e.version) for e in events), _columns(pause[:2] for pause in pauses) or [(), ()]
    )
    await _keep_clarifications_of_wholes(tx, events)
    if payments := [
        (e.contract_id, e.last_payment.payment_id, e.last_payment.business_date) for e in events if e.last_payment
    ]:
        await queries.save_payments(tx, _columns(payments))
    await _keep_payments_said_again(tx, events)


async def _keep_clarifications_of_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    disputes = [(e.contract_id, dispute, e.version) for e in events for dispute in e.open_clarifications]
    if disputes:
        await queries.open_clarifications(tx, _columns(disputes))
    facts = _columns((e.contract_id, e.version, False) for e in events)
    await queries.end_clarifications(tx, facts, _columns(dispute[:2] for dispute in disputes) or [(), ()])


async def _keep_payments_said_again(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """What a payment and its reversal say each by itself, in case one of them was missed."""
    said = [(e.contract_id, p.payment_id, p.business_date, p.reversed) for e in events for p in e.payments]
    if said:
        await queries.save_payments(tx, _columns(payment[:3] for payment in said))
    if undone := [payment[:3] for payment in said if payment[3]]:
        await queries.reverse_payments(tx, _columns(undone))


def _details(event: ContractWhole) -> tuple[Any, ...]:
    return (
        event.contract_id,
        event.details_version,
        event.portfolio_id,
        event.debtor.debtor_id,
        event.contract_number,
        event.debtor.name,
        event.jurisdiction,
        _region(event),
    )


def _region(event: ContractWhole) -> str | None:
    """The state that the debtor lives in: in some countries it decides the allowed hours."""
    if not event.addresses:
        return None
    try:
        return state_named(event.jurisdiction, event.addresses[0].state)
    except UnknownJurisdiction:
        return None


async def _keep_contact_points_of_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    wholes = [(event.contract_id, event.version, event.details_version) for event in events]
    points = [
        (*whole, p.contact_id, p.version, rank, p.kind, p.value, p.timezone, p.usable)
        for event, whole in zip(events, wholes, strict=True)
        for rank, p in enumerate(event.contact_points)
    ]
    if points:
        await queries.save_contact_points(tx, _columns(points))
    listed = _columns((point[0], point[3]) for point in points) or [(), ()]
    await queries.retire_contact_points(tx, _columns(wholes), listed)


async def keep_contact_changes(tx: Transaction, events: Sequence[ContactPointChanged]) -> None:
    rows = [
        (e.contract_id, e.version, None, e.contact_id, e.contact_version, None, e.kind, e.value, e.timezone, e.usable)
        for e in events
    ]
    await queries.save_contact_points(tx, _columns(rows))


async def keep_statuses(tx: Transaction, events: Sequence[DebtorStatusChanged]) -> None:
    await queries.save_statuses(tx, _columns((e.contract_id, e.status_version, e.status) for e in events))


async def keep_pauses(tx: Transaction, events: Sequence[ContractPaused | ContractResumed]) -> None:
    rows = [(e.contract_id, e.pause_id, e.pause_version, e.starts_on, e.ends_on) for e in events]
    await queries.save_pauses(tx, _columns(rows))


async def keep_clarifications(tx: Transaction, events: Sequence[ClarificationOpened]) -> None:
    await queries.open_clarifications(tx, _columns((e.contract_id, e.clarification_id, e.version) for e in events))


async def keep_resolutions(tx: Transaction, events: Sequence[ClarificationResolved]) -> None:
    """Where contact may not resume yet, the silence stays until a later resolution of the same one allows it."""
    rows = [(e.contract_id, e.clarification_id, e.version, not e.contact_may_resume) for e in events]
    await queries.resolve_clarifications(tx, _columns(rows))
    silent = [(e.contract_id, other) for e in events for other in e.still_open]
    facts = _columns((e.contract_id, e.version, True) for e in events)
    await queries.end_clarifications(tx, facts, _columns(silent) or [(), ()])


async def keep_payments(tx: Transaction, events: Sequence[PaymentReceived]) -> None:
    """A payment's hold-off counts from the business date on which it arrived."""
    await queries.save_payments(tx, _columns((e.contract_id, e.payment_id, e.as_of) for e in events))


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    await queries.reverse_payments(tx, _columns((e.contract_id, e.payment_id, e.as_of) for e in events))


async def keep_portfolios(tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
    rows = [
        (
            e.portfolio_id,
            e.version,
            e.state,
            e.business_date,
            e.name,
            e.creditor_kind,
            e.jurisdiction,
            e.timezone,
        )
        for e in events
    ]
    await queries.save_portfolios(tx, _columns(rows))


async def keep_placements(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Where placements stand; a recall or an end that comes before its placement is kept too."""
    await queries.save_placements(tx, _columns(_placement(event) for event in events))


def _placement(event: PlacementEvent) -> tuple[Any, ...]:
    in_force = (
        (event.starts_on, event.ends_on) if isinstance(event, ContractPlaced | PlacementReinstated) else (None, None)
    )
    state = _STATE_AFTER[type(event)]
    return event.contract_id, event.placement_id, event.version, event.agency_id, event.kind, state, *in_force


async def keep_promises(tx: Transaction, events: Sequence[PromiseEvent]) -> None:
    """Which promises are open, and how long each asks for silence."""
    rows = [
        (e.contract_id, e.promise_id, e.version, isinstance(e, PromiseMade | PromiseReopened), e.silent_until)
        for e in events
    ]
    await queries.save_promises(tx, _columns(rows))


async def keep_visits_ordered(tx: Transaction, events: Sequence[VisitOrdered]) -> None:
    await queries.save_visits_ordered(tx, _columns((e.contract_id, e.visit_id, e.visit_on) for e in events))


async def keep_visits_made(tx: Transaction, events: Sequence[VisitCompleted]) -> None:
    """Meeting the debtor is a conversation; any visit is a contact."""
    rows = [(e.contract_id, e.visit_id, e.started_at, e.attended_by is AttendedBy.DEBTOR) for e in events]
    await queries.save_visits_made(tx, _columns(rows))


async def keep_set_aside(tx: Transaction, events: Sequence[ContractSetAside]) -> None:
    """Each service counts for itself: the contract is silent while one of them is behind."""
    await queries.set_aside(tx, _columns((e.contract_id, e.service) for e in events))


async def keep_replayed(tx: Transaction, events: Sequence[ContractReplayed]) -> None:
    await queries.replayed(tx, _columns((e.contract_id, e.service) for e in events))
