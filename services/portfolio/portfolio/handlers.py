"""The handlers of the portfolio, for events about calls, visits, placements, promises and set-aside contracts."""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from projections import set_aside
from recobro_events import Consumer, ContractEvent, Event, Handler, Transaction, UnappliableEvent
from recobro_events.contracts import assignment, dialer_feed, field_visits, promises, runtime
from recobro_events.contracts.portfolio import ContactChange
from recobro_platform import SERVICE_NAMES

from portfolio.clarifications import opening as clarifications
from portfolio.debtors import address_checks, contact_points, found_addresses, party_changes, statuses
from portfolio.debtors.contact_points import Finding
from portfolio.debtors.rules import medium_refused
from portfolio.ledger import history
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts
from portfolio.ledger.marking import mark
from portfolio.people import convenience
from portfolio.projection import agreements, listings, placements, proposals
from portfolio.projection import promises as known_promises
from portfolio.reports import keeping
from portfolio.strategy import judging

consumer = Consumer(
    "portfolio", listens_to=("dialer-feed", "assignment", "field-visits", "promises"), platform=SERVICE_NAMES
)

Dispute = dialer_feed.ClarificationRequested | field_visits.ClarificationRequested | promises.ClarificationRequested
DebtorReport = dialer_feed.DebtorReported | field_visits.DebtorReported

_CHANGES_CONTRACT = (
    dialer_feed.ClarificationRequested,
    field_visits.ClarificationRequested,
    promises.ClarificationRequested,
    field_visits.ContactDataCollected,
    field_visits.AddressChecked,
    field_visits.AddressCollected,
    promises.AgreementReached,
    promises.AgreementBroken,
    promises.AgreementFulfilled,
    promises.AgreementReopened,
    promises.AgreementCancelled,
    promises.AgreementSettled,
)
_CHANGES_DEBTOR = (
    dialer_feed.OptOutRequested,
    dialer_feed.ContactInvalid,
    dialer_feed.DebtorReported,
    dialer_feed.ConvenienceRequested,
    promises.ConvenienceRequested,
    field_visits.DebtorReported,
)
_CHANGES_NUMBER = (dialer_feed.OptOutRequested, dialer_feed.ContactInvalid)
_KNOWN = "SELECT contract_id FROM contract WHERE contract_id = ANY($1::uuid[])"


@consumer.lock_rows
async def lock_rows(tx: Transaction, events: Sequence[Event]) -> None:
    """Lock the contracts and debtors that these events may change. Events that only add history lock nothing."""
    changed = [event.contract_id for event in events if isinstance(event, _CHANGES_CONTRACT)]
    reported = [event.contract_id for event in events if isinstance(event, _CHANGES_DEBTOR)]
    numbers = [event.contact_id for event in events if isinstance(event, _CHANGES_NUMBER)]
    reported += await party_changes.lock_numbers(tx, numbers)
    await lock_contracts(tx, changed, with_debtors_of=reported)


E = TypeVar("E", bound=ContractEvent)


def of_known_contracts(handler: Handler[E]) -> Handler[E]:
    """Set aside events about unknown contracts. The portfolio is the source of contracts, so it must know them."""

    @wraps(handler)
    async def apply(events: Sequence[E], tx: Transaction) -> None:
        contract_ids = {event.contract_id for event in events}
        known = {row["contract_id"] for row in await tx.fetch(_KNOWN, list(contract_ids))}
        if unknown := contract_ids - known:
            raise UnappliableEvent(f"is about an unknown contract: {min(unknown, key=str)}")
        await handler(events, tx)

    return apply


def effective(handler: Handler[Any]) -> Handler[Any]:
    """Keep reports of agencies about contracts that are not with them. Only the others have their effect."""

    @wraps(handler)
    async def apply(events: Sequence[Any], tx: Transaction) -> None:
        await keeping.keep(tx, [event for event in events if not event.effective])
        if with_effect := [event for event in events if event.effective]:
            await handler(with_effect, tx)

    return apply


@consumer.on(dialer_feed.OptOutRequested)
@of_known_contracts
@effective
async def opt_out(requests: Sequence[dialer_feed.OptOutRequested], tx: Transaction) -> None:
    """The debtor refuses this contact point, for every contract of the debtor."""
    await _change_contacts(
        tx,
        [
            Finding(
                event.contract_id,
                event.contact_id,
                ContactChange.OPTED_OUT,
                medium_refused(event.medium),
                event.event_id,
            )
            for event in requests
        ],
    )


@consumer.on(dialer_feed.ContactInvalid)
@of_known_contracts
@effective
async def contact_invalid(reports: Sequence[dialer_feed.ContactInvalid], tx: Transaction) -> None:
    """A wrong contact point is wrong on all contracts of the debtor."""
    await _change_contacts(
        tx,
        [
            Finding(event.contract_id, event.contact_id, ContactChange.INVALID, received=event.event_id)
            for event in reports
        ],
    )


async def _change_contacts(tx: Transaction, findings: Sequence[Finding]) -> None:
    try:
        await contact_points.change(tx, findings)
    except contact_points.ContactPointUnknown as unknown:
        ids = [found.contact_id for found in findings]
        raise UnappliableEvent(f"names a contact point that its contract does not have, one of {ids[:5]}") from unknown


@consumer.on(dialer_feed.ClarificationRequested)
@of_known_contracts
@effective
async def dispute_on_the_phone(requests: Sequence[dialer_feed.ClarificationRequested], tx: Transaction) -> None:
    """The debtor disputes the debt on the phone. Contact about the contract stops."""
    await _open_clarifications(tx, requests, opened_by=clarifications.OPENED_BY_DIALER)


@consumer.on(field_visits.ClarificationRequested)
@of_known_contracts
@effective
async def dispute_at_the_door(requests: Sequence[field_visits.ClarificationRequested], tx: Transaction) -> None:
    """The debtor disputes the debt at the door. Contact about the contract stops."""
    await _open_clarifications(tx, requests, opened_by=clarifications.OpenedBy.VISITOR)


@consumer.on(promises.ClarificationRequested)
@of_known_contracts
async def dispute_on_the_page(requests: Sequence[promises.ClarificationRequested], tx: Transaction) -> None:
    """The debtor disputes the debt on the debtor's page. Contact about the contract stops."""
    await _open_clarifications(tx, requests, opened_by=clarifications.OpenedBy.DEBTOR)


async def _open_clarifications(tx: Transaction, requests: Sequence[Dispute], opened_by: str) -> None:
    await history.record(tx, [_line(event, "clarification_requested", "by {reported_by}") for event in requests])
    await clarifications.open_requested(
        tx,
        [
            clarifications.Request(event.contract_id, event.reason, event.detail, opened_by, event.event_id)
            for event in requests
        ],
    )


@consumer.on(dialer_feed.DebtorReported, field_visits.DebtorReported)
@of_known_contracts
@effective
async def debtor_reported(reports: Sequence[DebtorReport], tx: Transaction) -> None:
    """The status holds for every contract of the debtor. A report never makes the status less grave."""
    await statuses.apply_reports(
        tx,
        [
            statuses.Report(event.contract_id, event.status, event.reported_by, received=event.event_id)
            for event in reports
        ],
    )


@consumer.on(dialer_feed.ConvenienceRequested)
@of_known_contracts
@effective
async def inconvenient(requests: Sequence[dialer_feed.ConvenienceRequested], tx: Transaction) -> None:
    """What the debtor calls inconvenient binds for every contract of the person."""
    await convenience.add_reported(tx, [convenience.reported(event, event.event_id) for event in requests])


@consumer.on(promises.ConvenienceRequested)
@of_known_contracts
async def inconvenient_on_the_page(requests: Sequence[promises.ConvenienceRequested], tx: Transaction) -> None:
    """A statement on the debtor's page binds like a statement on a call."""
    reason = "stated on the debtor's page"
    await convenience.add_reported(tx, [convenience.reported(event, event.event_id, reason) for event in requests])


async def _add_contacts(tx: Transaction, found: Sequence[field_visits.ContactDataCollected]) -> None:
    """Add the phones and e-mails. Whether one is usable depends on its provenance."""
    within = await contact_points.within_limits(tx, {event.contract_id: event.visit_id for event in found})
    await contact_points.add_found(
        tx,
        [
            contact_points.Found(event.contract_id, event.kind, event.value, event.provenance, event.event_id)
            for event in found
            if event.contract_id in within
        ],
    )


async def _keep_calls(tx: Transaction, calls: Sequence[dialer_feed.CallCompleted]) -> None:
    await judging.keep_calls(tx, [call for call in calls if not call.is_republished])


async def _keep_visits(tx: Transaction, visits: Sequence[field_visits.VisitCompleted]) -> None:
    await judging.keep_visits(tx, [visit for visit in visits if not visit.is_republished])


async def _keep_outcomes(tx: Transaction, outcomes: Sequence[promises.PromiseEvent]) -> None:
    """The segment follows how many promises were broken."""
    await known_promises.keep(tx, outcomes)
    await mark(tx, [event.contract_id for event in outcomes])


Keep = Callable[[Transaction, Sequence[Any]], Awaitable[None]]


class _HistoryEvent(NamedTuple):
    """An event that becomes a line of history.

    ``summary`` is a template for the event's fields. ``keep`` stores further facts of the event. ``identity`` are the
    fields that name the fact. What is entered again in a restored service comes as another event, and is no new fact.
    """

    event_type: type[ContractEvent]
    kind: str
    summary: str
    keep: Keep | None = None
    identity: tuple[str, ...] = ()


_HISTORY_EVENTS = (
    _HistoryEvent(dialer_feed.PaymentClaimed, "payment_claimed", "the debtor claims a payment"),
    _HistoryEvent(
        dialer_feed.CallCompleted,
        "call",
        "{direction}, by {agent}, {duration_seconds} s: {disposition}",
        _keep_calls,
        ("call_id", "started_at"),
    ),
    _HistoryEvent(dialer_feed.ListEntryWithdrawn, "list_withdrawn", "because of {reason}"),
    _HistoryEvent(dialer_feed.WithdrawalAcknowledged, "withdrawal_acknowledged", "by {dialer_id}"),
    _HistoryEvent(dialer_feed.WrongfulCallDetected, "wrongful_call", "the contract was called after its withdrawal"),
    _HistoryEvent(field_visits.VisitOrdered, "visit_ordered", "for {visit_on}, by {visitor}"),
    _HistoryEvent(
        field_visits.VisitCompleted, "visit", "{attended_by} attended: {outcome}", _keep_visits, ("visit_id",)
    ),
    _HistoryEvent(field_visits.VisitCancelled, "visit_cancelled", "because of {reason}"),
    _HistoryEvent(field_visits.VisitReinstated, "visit_reinstated", "for {visit_on}, by {visitor}"),
    _HistoryEvent(field_visits.ContactDataCollected, "contact_data_collected", "{kind}", _add_contacts),
    _HistoryEvent(field_visits.AddressCollected, "address_collected", "an address, not checked", found_addresses.keep),
    _HistoryEvent(field_visits.AddressChecked, "address_checked", "the address is {verdict}", address_checks.keep),
    _HistoryEvent(assignment.ContractPlaced, "placed", "for {kind} from {starts_on}", placements.keep),
    _HistoryEvent(assignment.PlacementRecallRequested, "recall_requested", "{kind}: {reason}", placements.keep),
    _HistoryEvent(assignment.PlacementRecalled, "recalled", "{kind}: {reason}", placements.keep),
    _HistoryEvent(assignment.PlacementReinstated, "reinstated", "{kind}: {reason}", placements.keep),
    _HistoryEvent(assignment.PlacementEnded, "placement_ended", "{kind}: {reason}", placements.keep),
    _HistoryEvent(promises.PromiseMade, "promise_made", "{promised} until {due_on}", known_promises.keep),
    _HistoryEvent(promises.PromiseKept, "promise_kept", "{paid} of {promised}", _keep_outcomes),
    _HistoryEvent(promises.PromisePartlyKept, "promise_partly_kept", "{paid} of {promised}", _keep_outcomes),
    _HistoryEvent(promises.PromiseBroken, "promise_broken", "{paid} of {promised}", _keep_outcomes),
    _HistoryEvent(promises.PromiseReopened, "promise_reopened", "{paid} of {promised}", _keep_outcomes),
    _HistoryEvent(promises.PromiseCancelled, "promise_cancelled", "because of {reason}", known_promises.keep),
    _HistoryEvent(
        promises.ProposalChanged,
        "agreement_proposed",
        "{kind}: {total}, discount {discount}: {state}",
        proposals.keep,
    ),
    _HistoryEvent(promises.AgreementReached, "agreement_reached", "{kind}", agreements.keep),
    _HistoryEvent(promises.AgreementCancelled, "agreement_cancelled", "because of {reason}", agreements.keep),
    _HistoryEvent(promises.AgreementSettled, "agreement_settled", "discount {discount}", agreements.keep),
    _HistoryEvent(promises.AgreementBroken, "agreement_broken", "an instalment was not paid", agreements.keep),
    _HistoryEvent(promises.AgreementFulfilled, "agreement_fulfilled", "every instalment was paid", agreements.keep),
    _HistoryEvent(
        promises.AgreementReopened,
        "agreement_reopened",
        "a reversed payment, or one heard of late",
        agreements.keep,
    ),
)


def _lines(event: ContractEvent, entry: _HistoryEvent) -> list[Line]:
    """The event's line, which each contract gets that the event is about. A call may have been about several."""
    line = _line(event, entry.kind, entry.summary)
    if not isinstance(event, dialer_feed.CallCompleted):
        return [line]
    data = line.data | {"dialed_for": str(event.contract_id)}
    return [line, *(Line(other, line.kind, line.summary, data) for other in event.also)]


_REPORTED = (field_visits.ContactDataCollected, field_visits.AddressChecked, field_visits.AddressCollected)


def _with_effect(event_type: type[ContractEvent]) -> Callable[[Handler[Any]], Handler[Any]]:
    return effective if event_type in _REPORTED else lambda handler: handler


def _register(entry: _HistoryEvent) -> None:
    @consumer.on(entry.event_type)
    @of_known_contracts
    @_with_effect(entry.event_type)
    async def handle(events: Sequence[ContractEvent], tx: Transaction) -> None:
        if entry.identity:
            known = await history.known(
                tx, [_line(event, entry.kind, entry.summary) for event in events], entry.identity
            )
            events = [event for place, event in enumerate(events) if place not in known]
        happened = [event for event in events if not event.is_republished]
        await history.record(tx, [line for event in happened for line in _lines(event, entry)])
        if entry.keep is not None:
            await entry.keep(tx, events)


for _entry in _HISTORY_EVENTS:
    _register(_entry)
# Neither a line of history alone nor a proposal silences anybody or ends a silence.
consumer.pace(*(entry.event_type for entry in _HISTORY_EVENTS if entry.keep in (None, proposals.keep)))


@consumer.on(dialer_feed.ContractsListed)
async def listed(events: Sequence[dialer_feed.ContractsListed], tx: Transaction) -> None:
    """The contracts came on a list."""
    await listings.keep(tx, [event for event in events if not event.is_republished])


@consumer.on(runtime.ContractSetAside)
async def record_set_aside(events: Sequence[runtime.ContractSetAside], tx: Transaction) -> None:
    """Write no history for unknown contracts: their absence here may be the reason why they were set aside."""
    await set_aside.keep(tx, events)
    happened = [event for event in events if not event.is_republished]
    await history.record(
        tx, [_line(event, "set_aside", "{service} has set aside an event; contact stops") for event in happened]
    )


@consumer.on(runtime.ContractReplayed)
async def record_replayed(events: Sequence[runtime.ContractReplayed], tx: Transaction) -> None:
    await set_aside.keep_replayed(tx, events)
    await history.record(
        tx, [_line(event, "replayed", "{service} has handled the events that it had set aside") for event in events]
    )


_NOT_FOR_HISTORY = {"contract_id", "value", "position"}
_ADDRESS = set(found_addresses.PARTS)
"""Collected contact data, addresses and visitors' positions. Many people read the history, so it does not have them."""


def _line(event: ContractEvent, kind: str, summary: str) -> Line:
    hidden = _NOT_FOR_HISTORY | _ADDRESS if isinstance(event, _REPORTED) else _NOT_FOR_HISTORY
    fields = event.model_dump(mode="json", exclude=hidden)
    return Line(event.contract_id, kind, summary.format(**fields), fields | {"event_id": str(event.event_id)})
