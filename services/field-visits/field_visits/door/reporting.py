"""What happens at the door: who attends, and how the visit ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from chassis import FieldError, Invalid, Principal
from recobro_events import Event, Row, Transaction
from recobro_events.contracts.field_visits import (
    AddressChecked,
    AddressVerdict,
    AttendedBy,
    ClarificationRequested,
    ContactDataCollected,
    DebtorReported,
    Position,
    VisitCompleted,
    VisitOutcome,
)
from recobro_events.contracts.portfolio import DebtorStatus

from field_visits.visits import queries, rules
from field_visits.visits import reading as visits
from field_visits.visits.reading import Collected
from field_visits.visits.rules import PaymentOption

REPORTED_BY = "visitor"
_CLARIFICATION = "reported_by_visitor"
_REPORTED = {
    VisitOutcome.DECEASED: DebtorStatus.DECEASED,
    VisitOutcome.UNLOCATABLE: DebtorStatus.UNLOCATABLE,
}


@dataclass(frozen=True)
class Told:
    """What the debtor, and nobody else, is told at the door."""

    overdue_balance: Decimal
    total_balance: Decimal
    currency: str
    days_past_due: int
    as_of: date
    options: Sequence[PaymentOption]


@dataclass(frozen=True)
class Finding:
    """How a visit ended, as the visitor says."""

    outcome: VisitOutcome
    attended_by: AttendedBy
    at: datetime
    reason_for_non_payment: str | None = None
    contacts: Sequence[Collected] = ()
    position: Position | None = None
    address_verdict: AddressVerdict | None = None


async def attend(tx: Transaction, who: Principal, visit_id: UUID, attended_by: AttendedBy, at: datetime) -> Told | None:
    """Record who attends. Only when it is the debtor, and the visit is still on, is the balance told."""
    refuse_future(at)
    visit = await visits.locked(tx, visit_id, who.agency_id)
    visits.refuse_not_open(visit)
    is_debtor = attended_by is AttendedBy.DEBTOR
    await queries.attend(tx, (visit_id, attended_by, at, is_debtor, who.subject))
    if not is_debtor:
        return None
    owed = await queries.balance(tx, visit["contract_id"])
    options = rules.payment_options(owed["overdue_balance"], owed["total_balance"], owed["as_of"])
    return Told(**owed, options=options)


async def finish(tx: Transaction, who: Principal, visit_id: UUID, finding: Finding) -> Row:
    """Record the result, once, and tell everyone what was found.

    A visit that was cancelled only after it had begun has taken place: what was found there is not lost.
    """
    refuse_future(finding.at)
    visit = await visits.locked(tx, visit_id, who.agency_id)
    visits.refuse_ended(visit)
    visits.refuse_never_begun(visit, finding.at)
    started_at = visit["met_at"] or finding.at
    if visit["met"] != finding.attended_by:
        await queries.attend(tx, (visit_id, finding.attended_by, finding.at, False, who.subject))
    await queries.end(tx, _values(visit_id, finding, started_at, who.subject))
    tx.publish(*_events(visit, finding, started_at))
    return await visits.expect(tx, visit_id, None)


def refuse_future(at: datetime, pointer: str = "/at") -> None:
    """422 for what has not happened yet."""
    if rules.is_ahead(at, datetime.now(UTC)):
        mistake = FieldError(pointer, "must not lie in the future")
        raise Invalid("This has not happened yet.", code="in-the-future", errors=[mistake])


def _values(visit_id: UUID, finding: Finding, started_at: datetime, reported_by: str) -> tuple[object, ...]:
    place = finding.position
    return (
        visit_id,
        rules.state_after(finding.outcome),
        finding.outcome,
        finding.attended_by,
        finding.reason_for_non_payment,
        started_at,
        place and place.latitude,
        place and place.longitude,
        place and place.accuracy_metres,
        rules.verdict_of(finding.outcome, finding.address_verdict),
        [contact.model_dump(mode="json") for contact in finding.contacts],
        reported_by,
    )


def _events(visit: Row, finding: Finding, started_at: datetime) -> Iterator[Event]:
    """What others act on. None of it holds a balance."""
    contract_id, visit_id = visit["contract_id"], visit["visit_id"]
    yield VisitCompleted(
        contract_id=contract_id,
        visit_id=visit_id,
        agency_id=visit["agency_id"],
        outcome=finding.outcome,
        attended_by=finding.attended_by,
        reason_for_non_payment=finding.reason_for_non_payment,
        started_at=started_at,
        position=finding.position,
        photos=visit["photos"],
    )
    if finding.outcome is VisitOutcome.CLARIFICATION:
        yield ClarificationRequested(
            contract_id=contract_id,
            visit_id=visit_id,
            reason=_CLARIFICATION,
            detail=finding.reason_for_non_payment,
            reported_by=REPORTED_BY,
        )
    if finding.outcome in _REPORTED:
        status = _REPORTED[finding.outcome]
        yield DebtorReported(contract_id=contract_id, visit_id=visit_id, status=status, reported_by=REPORTED_BY)
    verdict = rules.verdict_of(finding.outcome, finding.address_verdict)
    if verdict is not None:
        yield AddressChecked(
            contract_id=contract_id, visit_id=visit_id, address_id=visit["address_id"], verdict=verdict
        )
    for contact in finding.contacts:
        yield ContactDataCollected(
            contract_id=contract_id,
            visit_id=visit_id,
            kind=contact.kind,
            value=contact.value,
            provenance=contact.provenance,
        )
