"""Recording how a visit ended, as the visitor reports it, and publishing the findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Principal
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

from field_visits.door import queries, rules
from field_visits.visits import reading
from field_visits.visits.positions import columns_of
from field_visits.visits.reading import Collected
from field_visits.visits.refusals import refuse_ended, refuse_future, refuse_never_begun

REPORTED_BY = "visitor"
_CLARIFICATION = "reported_by_visitor"


@dataclass(frozen=True)
class Finding:
    """How a visit ended, as the visitor reports it."""

    outcome: VisitOutcome
    attended_by: AttendedBy
    at: datetime
    reason_for_non_payment: str | None = None
    contacts: Sequence[Collected] = ()
    position: Position | None = None
    address_verdict: AddressVerdict | None = None


async def report(tx: Transaction, who: Principal, visit_id: UUID, finding: Finding) -> Row:
    """Record the result, once, and publish the visitor's findings.

    A visit that was cancelled after it had begun has taken place, so its result is accepted.
    """
    refuse_future(finding.at)
    visit = await reading.locked(tx, visit_id, who.agency_id)
    refuse_ended(visit)
    refuse_never_begun(visit, finding.at)
    started_at = visit["met_at"] or finding.at
    if visit["met"] != finding.attended_by:
        attendance = (visit_id, finding.attended_by, finding.at, False, who.subject)
        await tx.execute(queries.ATTEND, *attendance)
    await tx.execute(queries.END, *_values(visit_id, finding, started_at, who.subject))
    tx.publish(*_events(visit, finding, started_at))
    return await reading.expect(tx, visit_id, None)


def _values(visit_id: UUID, finding: Finding, started_at: datetime, reported_by: str) -> tuple[object, ...]:
    return (
        visit_id,
        rules.state_after(finding.outcome),
        finding.outcome,
        finding.attended_by,
        finding.reason_for_non_payment,
        started_at,
        *columns_of(finding.position),
        rules.verdict_of(finding.outcome, finding.address_verdict),
        [contact.model_dump(mode="json") for contact in finding.contacts],
        reported_by,
    )


def _events(visit: Row, finding: Finding, started_at: datetime) -> Iterator[Event]:
    """Return the events of the result. No event holds a balance."""
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
    if finding.outcome in rules.REPORTED:
        status = rules.REPORTED[finding.outcome]
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
