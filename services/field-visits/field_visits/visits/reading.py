"""A visit as the API shows it. It holds no balance and nothing that reveals one.

An agency that no longer has the contract sees its own visits without personal data.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import Conflict, NotFound, OutputModel, Reader
from chassis.transactions import act_for_service
from projections import contracts
from recobro_events import Part, Row, Transaction
from recobro_events.contracts.field_visits import AddressVerdict, AttendedBy, CancelReason, Position, VisitOutcome
from recobro_events.contracts.portfolio import ContactKind

from field_visits.visits import queries
from field_visits.visits.positions import position_of
from field_visits.visits.rules import State


class VisitUnknown(NotFound):
    code = "visit-unknown"
    detail = "There is no such visit."


class PlacementOver(Conflict):
    """The agency no longer has the contract, so it gets no personal data."""

    code = "placement-over"
    detail = "The contract is no longer placed with the agency."


class VisitAddress(OutputModel):
    address_id: UUID
    kind: str
    street: str | None
    exterior: str | None
    interior: str | None
    neighbourhood: str | None
    postal_code: str | None
    city: str | None
    state: str | None
    country: str | None
    irregular_numbering: bool


class Collected(Part):
    """A phone or an e-mail that somebody gave at the door. ``provenance`` names the person."""

    kind: ContactKind
    value: str
    provenance: str


class CollectedAddress(Part):
    """An address that somebody gave at the door. ``provenance`` names the person."""

    street: str
    exterior: str | None = None
    interior: str | None = None
    neighbourhood: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    provenance: str


class Cancellation(OutputModel):
    reason: CancelReason
    detail: str | None
    at: datetime
    actor: dict[str, Any] | None


class Met(OutputModel):
    attended_by: AttendedBy
    at: datetime


class Result(OutputModel):
    """``started_at``: when the visitor was at the door. ``reported_at``: when the result reached us.

    ``effective`` is false when the agency that reports it no longer had the contract. The findings then change nothing.
    """

    outcome: VisitOutcome
    attended_by: AttendedBy
    reason_for_non_payment: str | None
    contacts: tuple[Collected, ...]
    addresses: tuple[CollectedAddress, ...]
    position: Position | None
    address_verdict: AddressVerdict | None
    started_at: datetime
    reported_at: datetime
    effective: bool
    actor: dict[str, Any] | None


class Visit(OutputModel):
    """A visit: the debtor's ``name``, address and day, its state and its result. ``photos`` is the number of photos.

    A visit that was cancelled after it had begun may have both a cancellation and a result. ``actor`` says who ordered,
    cancelled or reported; only operators see it. An agency that no longer has the contract sees no personal data:
    ``contract_number``, ``name`` and ``address`` are null, and so are the free texts, contacts, addresses and position.
    """

    visit_id: UUID
    contract_id: UUID
    contract_number: str | None
    name: str | None
    agency_id: UUID | None
    visitor: str
    visit_on: date
    address_id: UUID
    address: VisitAddress | None
    state: State
    ordered_at: datetime
    actor: dict[str, Any] | None
    attendance: Met | None
    cancellation: Cancellation | None
    result: Result | None
    photos: int


def shown(row: Row) -> Visit:
    """Return the visit that this row holds."""
    fields = dict(row)
    address = {**fields, "kind": row["address_kind"], "state": row["address_state"]}
    met = Met(attended_by=row["met"], at=row["met_at"]) if row["met"] is not None else None
    return Visit(
        **{name: fields[name] for name in _PLAIN},
        address=VisitAddress(**address) if row["personal"] else None,
        actor=_actor(row, "actor"),
        attendance=met,
        cancellation=_cancellation(row),
        result=_result(row),
    )


_PLAIN = (
    "visit_id",
    "contract_id",
    "contract_number",
    "name",
    "agency_id",
    "visitor",
    "visit_on",
    "address_id",
    "state",
    "ordered_at",
    "photos",
)


def _cancellation(row: Row) -> Cancellation | None:
    if row["cancel_reason"] is None:
        return None
    return Cancellation(
        reason=row["cancel_reason"],
        detail=row["cancel_detail"] if row["personal"] else None,
        at=row["cancelled_at"],
        actor=_actor(row, "cancel_actor"),
    )


def _result(row: Row) -> Result | None:
    if row["outcome"] is None:
        return None
    return Result(
        outcome=row["outcome"],
        attended_by=row["attended_by"],
        reason_for_non_payment=row["reason_for_non_payment"] if row["personal"] else None,
        contacts=tuple(Collected(**contact) for contact in row["contacts"]) if row["personal"] else (),
        addresses=tuple(CollectedAddress(**one) for one in row["addresses"]) if row["personal"] else (),
        position=position_of(row) if row["personal"] else None,
        address_verdict=row["address_verdict"],
        started_at=row["started_at"],
        reported_at=row["reported_at"],
        effective=row["effective"],
        actor=_actor(row, "result_actor"),
    )


def _actor(row: Row, column: str) -> dict[str, Any] | None:
    actor: dict[str, Any] | None = row[column] if row["for_operator"] else None
    return actor


async def expect(reader: Reader, visit_id: UUID, agency_id: UUID | None) -> Row:
    """Return the visit. 404 when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.VISIT, visit_id, agency_id)
    if row is None:
        raise VisitUnknown()
    return row


async def expect_with_person(reader: Reader, visit_id: UUID, agency_id: UUID | None) -> Row:
    """Return the visit with the debtor's data. 404 as in ``expect``; 409 when the agency no longer has the contract."""
    row = await expect(reader, visit_id, agency_id)
    if not row["personal"]:
        raise PlacementOver()
    return row


async def locked(tx: Transaction, visit_id: UUID, agency_id: UUID | None) -> Row:
    """Lock the visit's contract, so that the visit does not change until ``tx`` ends. 404 as in ``expect``.

    From here on ``tx`` has the service's rights.
    """
    contract_id = await tx.fetchval(queries.CONTRACT_OF, visit_id, agency_id)
    if contract_id is None:
        raise VisitUnknown()
    await act_for_service(tx)
    await contracts.lock(tx, [contract_id])
    return await expect(tx, visit_id, agency_id)
