"""What the portfolio does with what others report."""

from collections.abc import Sequence
from uuid import UUID

from events.consumer import Consumer
from events.contracts.base import ContractEvent, Event
from events.contracts.dialer_feed import (
    CallCompleted,
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
    WrongfulCallDetected,
)
from events.contracts.portfolio import ContactChange
from events.database import Transaction
from events.errors import UnappliableEvent

from portfolio import clarifications, contact_points, debtors
from portfolio.history import Line, remember
from portfolio.locking import lock_contracts
from portfolio.rules import medium_refused

consumer = Consumer("portfolio", listens_to=("dialer-feed",))

_OPENED_BY = "dialer"
_ALREADY_DISPUTED = """
SELECT contract_id, reason FROM clarification
WHERE contract_id = ANY($1::uuid[]) AND state = 'open' AND opened_by = $2
"""


@consumer.lock_rows
async def lock_rows(tx: Transaction, events: Sequence[Event]) -> None:
    """Lock what these events may change; contracts that are only told about are not held up."""
    about = {event.contract_id for event in events if isinstance(event, ContractEvent)}
    rows = await tx.fetch("SELECT contract_id FROM contract WHERE contract_id = ANY($1::uuid[])", list(about))
    if unknown := about - {row["contract_id"] for row in rows}:
        raise UnappliableEvent(f"no such contract here: {', '.join(sorted(map(str, unknown))[:5])}")
    disputed = [event.contract_id for event in events if isinstance(event, ClarificationRequested)]
    reported = [
        event.contract_id for event in events if isinstance(event, OptOutRequested | ContactInvalid | DebtorReported)
    ]
    await lock_contracts(tx, disputed, with_debtors_of=reported)


@consumer.on(OptOutRequested)
async def opt_out(requests: Sequence[OptOutRequested], tx: Transaction) -> None:
    """The debtor does not want to be reached there, whichever of their contracts it is about."""
    await _change_contacts(
        tx,
        [
            contact_points.Change(
                event.contract_id,
                event.contact_id,
                ContactChange.OPTED_OUT,
                medium_refused(event.medium),
                event.event_id,
            )
            for event in requests
        ],
    )


@consumer.on(ContactInvalid)
async def contact_invalid(reports: Sequence[ContactInvalid], tx: Transaction) -> None:
    """A wrong number is wrong on all contracts of the debtor."""
    await _change_contacts(
        tx,
        [
            contact_points.Change(event.contract_id, event.contact_id, ContactChange.INVALID, received=event.event_id)
            for event in reports
        ],
    )


@consumer.on(ClarificationRequested)
async def open_clarification(requests: Sequence[ClarificationRequested], tx: Transaction) -> None:
    """Open a clarification, unless one that a dialer asked for with the same reason is still open."""
    rows = await tx.fetch(_ALREADY_DISPUTED, [event.contract_id for event in requests], _OPENED_BY)
    disputed = {(row["contract_id"], row["reason"]) for row in rows}
    new = [event for event in requests if (event.contract_id, event.reason) not in disputed]
    await remember(
        tx,
        [
            Line(event.contract_id, "clarification_requested", f"by {event.reported_by}", _said(event))
            for event in requests
        ],
    )
    if new:
        await clarifications.open_many(
            tx,
            [clarifications.Request(event.contract_id, event.reason, event.detail, _OPENED_BY) for event in new],
            received={event.contract_id: event.event_id for event in new},
        )


@consumer.on(DebtorReported)
async def debtor_reported(reports: Sequence[DebtorReported], tx: Transaction) -> None:
    await debtors.report(
        tx,
        [
            debtors.Report(event.contract_id, event.status, event.reported_by, received=event.event_id)
            for event in reports
        ],
    )


@consumer.on(PaymentClaimed)
async def payment_claimed(claims: Sequence[PaymentClaimed], tx: Transaction) -> None:
    """Money that nobody has seen changes no balance; it is only remembered."""
    await remember(
        tx, [Line(event.contract_id, "payment_claimed", "says to have paid", _said(event)) for event in claims]
    )


@consumer.on(CallCompleted)
async def call_completed(calls: Sequence[CallCompleted], tx: Transaction) -> None:
    await remember(
        tx, [Line(event.contract_id, "call", f"call ended as {event.disposition}", _said(event)) for event in calls]
    )


@consumer.on(WrongfulCallDetected)
async def wrongful_call(calls: Sequence[WrongfulCallDetected], tx: Transaction) -> None:
    await remember(
        tx,
        [Line(event.contract_id, "wrongful_call", "called after its withdrawal", _said(event)) for event in calls],
    )


async def _change_contacts(tx: Transaction, changes: Sequence[contact_points.Change]) -> None:
    try:
        await contact_points.change(tx, changes)
    except contact_points.ContactPointUnknown as unknown:
        ids: list[UUID] = [told.contact_id for told in changes]
        raise UnappliableEvent(f"one of these contact points is not on its contract: {ids[:5]}") from unknown


def _said(event: ContractEvent) -> dict[str, object]:
    return event.model_dump(mode="json", exclude={"contract_id"}) | {"event_id": str(event.event_id)}
