"""Recording how a visit ended, as the visitor reports it, and publishing the findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis import Conflict, Principal
from recobro_events import Event, Row, Transaction
from recobro_events.contracts.field_visits import (
    AddressChecked,
    AddressCollected,
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
from field_visits.door.judging import judge, record
from field_visits.visits import reading
from field_visits.visits.positions import columns_of
from field_visits.visits.reading import Collected, CollectedAddress
from field_visits.visits.refusals import refuse_ended, refuse_future, refuse_never_begun, refuse_too_early

REPORTED_BY = "visitor"
_CLARIFICATION = "reported_by_visitor"


class TooManyContacts(Conflict):
    code = "too-many-contacts"


@dataclass(frozen=True)
class Finding:
    """How a visit ended, as the visitor reports it."""

    outcome: VisitOutcome
    attended_by: AttendedBy
    at: datetime
    reason_for_non_payment: str | None = None
    contacts: Sequence[Collected] = ()
    addresses: Sequence[CollectedAddress] = ()
    position: Position | None = None
    address_verdict: AddressVerdict | None = None


async def report(tx: Transaction, who: Principal, visit_id: UUID, finding: Finding, grace: timedelta) -> Row:
    """Record the result, once, and publish the visitor's findings.

    A visit that was cancelled after it had begun has taken place, so its result is accepted. The findings of an agency
    that lost the contract longer ago than ``grace`` are published as reports without effect.
    """
    refuse_future(finding.at)
    visit = await reading.locked(tx, visit_id, who.agency_id)
    refuse_ended(visit)
    refuse_never_begun(visit, finding.at)
    refuse_too_early(visit, finding.at)
    await _refuse_too_many_contacts(tx, visit["contract_id"], len(finding.contacts))
    effective = await _has_effect(tx, who, visit["contract_id"], grace)
    started_at = visit["met_at"] or finding.at
    if visit["met"] != finding.attended_by:
        moment = await judge(tx, visit, finding.at)
        await record(tx, visit, finding.attended_by, finding.at, False, who.subject, moment.breaches)  # noqa: FBT003
    addresses = [address.model_dump(mode="json") for address in finding.addresses]
    await tx.execute(queries.END, *_values(visit_id, finding, started_at, who.subject), effective, addresses)
    tx.publish(_completed(visit, finding, started_at), *_findings(visit, finding, effective))
    return await reading.expect(tx, visit_id, who.agency_id)


async def _refuse_too_many_contacts(tx: Transaction, contract_id: UUID, new: int) -> None:
    if not new:
        return
    known = await tx.fetchrow(queries.CONTACTS, contract_id)
    assert known is not None
    if known["lately"] + new > rules.MOST_CONTACTS:
        raise TooManyContacts(
            f"The visits of a contract may bring at most {rules.MOST_CONTACTS} phones and e-mails in 24 hours."
        )
    if known["ever"] + new > rules.MOST_CONTACTS_OF_CONTRACT:
        raise TooManyContacts(
            f"The visits of a contract may bring at most {rules.MOST_CONTACTS_OF_CONTRACT} phones and e-mails."
        )


async def _has_effect(tx: Transaction, who: Principal, contract_id: UUID, grace: timedelta) -> bool:
    if who.agency_id is None:
        return True
    placed = await tx.fetchrow(queries.PLACED, contract_id, who.agency_id)
    assert placed is not None
    return rules.has_effect(placed["is_placed"], placed["ended_at"], datetime.now(UTC), grace)


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


def _completed(visit: Row, finding: Finding, started_at: datetime) -> Event:
    """Return the event that counts the visit. It holds no balance."""
    return VisitCompleted(
        contract_id=visit["contract_id"],
        visit_id=visit["visit_id"],
        agency_id=visit["agency_id"],
        outcome=finding.outcome,
        attended_by=finding.attended_by,
        reason_for_non_payment=finding.reason_for_non_payment,
        started_at=started_at,
        position=finding.position,
        photos=visit["photos"],
    )


def _findings(visit: Row, finding: Finding, effective: bool) -> Iterator[Event]:
    """Return the events of what was found. No event holds a balance."""
    common = {"contract_id": visit["contract_id"], "visit_id": visit["visit_id"], "effective": effective}
    if finding.outcome is VisitOutcome.CLARIFICATION:
        yield ClarificationRequested(
            **common,
            reason=_CLARIFICATION,
            detail=finding.reason_for_non_payment,
            reported_by=REPORTED_BY,
        )
    if finding.outcome in rules.REPORTED:
        status = rules.REPORTED[finding.outcome]
        yield DebtorReported(**common, status=status, reported_by=REPORTED_BY)
    verdict = rules.verdict_of(finding.outcome, finding.address_verdict)
    if verdict is not None:
        yield AddressChecked(**common, address_id=visit["address_id"], verdict=verdict)
    for contact in finding.contacts:
        yield ContactDataCollected(**common, **contact.model_dump())
    for address in finding.addresses:
        yield AddressCollected(**common, **address.model_dump())
