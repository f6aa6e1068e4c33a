"""HTTP routes by which visitors report who attended and how the visit ended."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    InputModel,
    Moment,
    OutputModel,
    Router,
    ShortText,
    Text,
    WriteTransaction,
    resembles_email,
    writes,
)
from fastapi import Request
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from recobro_events import Money
from recobro_events.contracts.field_visits import AddressVerdict, AttendedBy, Position, VisitOutcome
from recobro_events.contracts.portfolio import ContactKind

from field_visits.door import rules
from field_visits.door.attending import attend
from field_visits.door.reporting import Finding, report
from field_visits.settings import FieldVisitsSettings
from field_visits.visits.reading import Collected, CollectedAddress, Visit, shown

router = Router(prefix="/v1", tags=["at the door"])
_LONGEST = {ContactKind.PHONE: 64, ContactKind.EMAIL: 254}
_Part = Annotated[ShortText, Field(max_length=100)]
_PHONE = re.compile(r"(?=(?:.*\d){7})[\d+().,;/#*x\s-]+", re.ASCII)


class NewAttendance(InputModel):
    """``at`` may lie in the past, because a phone may have been offline."""

    attended_by: AttendedBy
    at: Moment


class NewContact(InputModel):
    """A phone or an e-mail exactly as somebody at the door gave it.

    ``provenance`` says in a word or two who gave it, such as debtor, joint_obligor, neighbour.
    """

    kind: ContactKind
    value: Annotated[Text, Field(max_length=254)]
    provenance: Annotated[ShortText, Field(max_length=60)]

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        valid = resembles_email(self.value) if self.kind is ContactKind.EMAIL else _PHONE.fullmatch(self.value)
        if len(self.value) > _LONGEST[self.kind] or not valid:
            raise PydanticCustomError(
                "contact", "has a value that does not look like a {kind}", {"kind": self.kind.value}
            )
        return self


class NewAddress(InputModel):
    """An address as somebody at the door gave it. Nobody has checked it. ``provenance`` as in a contact."""

    street: _Part
    exterior: _Part | None = None
    interior: _Part | None = None
    neighbourhood: _Part | None = None
    postal_code: _Part | None = None
    city: _Part | None = None
    state: _Part | None = None
    provenance: Annotated[ShortText, Field(max_length=60)]


class NewPosition(InputModel):
    """A position in WGS 84 degrees, with the accuracy that the phone reported."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    accuracy_metres: Annotated[float, Field(ge=0, le=1_000_000)] | None = None


class NewResult(InputModel):
    """How the visit ended. ``at`` is when the visitor was there; a result on paper may be reported days later."""

    outcome: VisitOutcome
    attended_by: AttendedBy
    reason_for_non_payment: Text | None = None
    contacts: Annotated[tuple[NewContact, ...], Field(max_length=rules.MOST_CONTACTS)] = ()
    addresses: Annotated[tuple[NewAddress, ...], Field(max_length=rules.MOST_ADDRESSES)] = ()
    position: NewPosition | None = None
    at: Moment
    address_verdict: AddressVerdict | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if why := rules.contradiction(self.outcome, self.attended_by, self.reason_for_non_payment):
            raise PydanticCustomError("contradiction", "is in contradiction: attended_by {why}", {"why": why})
        return self

    def finding(self) -> Finding:
        return Finding(
            outcome=self.outcome,
            attended_by=self.attended_by,
            at=self.at,
            reason_for_non_payment=self.reason_for_non_payment,
            contacts=[Collected(**contact.model_dump()) for contact in self.contacts],
            addresses=[CollectedAddress(**address.model_dump()) for address in self.addresses],
            position=Position(**self.position.model_dump()) if self.position else None,
            address_verdict=self.address_verdict,
        )


class Balance(OutputModel):
    overdue_balance: Money
    total_balance: Money
    currency: str
    days_past_due: int
    as_of: date


class Option(OutputModel):
    """``pay_now``: the overdue balance. ``promise``: the same by ``latest_due_on``. ``plan``: the total balance."""

    kind: str
    amount: Money | None = None
    latest_due_on: date | None = None


class Attendance(OutputModel):
    """``balance`` and ``payment_options`` are present only when the debtor attends, in time.

    ``breaches`` names the rules of contact that the visitor broke by being there at that time, if any.
    """

    visit_id: UUID
    attended_by: AttendedBy
    at: datetime
    breaches: tuple[rules.Breach, ...] | None = None
    balance: Balance | None = None
    payment_options: tuple[Option, ...] | None = None


@router.post(
    "/visits/{visit_id}/attendance",
    status_code=201,
    response_model_exclude_none=True,
    dependencies=[writes("field-visits", agency=True)],
)
async def record_attendance(
    visit_id: UUID, new: NewAttendance, tx: WriteTransaction, who: CurrentPrincipal
) -> Attendance:
    """Record who attends. If the debtor attends, the answer holds the balance.

    An attendance outside the allowed hours is recorded as a breach; one later than a day after the visit's day brings
    no balance. 409 when the visit has ended or was cancelled.
    """
    disclosed, breaches = await attend(tx, who, visit_id, new.attended_by, new.at)
    attendance = {
        "visit_id": visit_id,
        "attended_by": new.attended_by,
        "at": new.at,
        "breaches": tuple(breaches) or None,
    }
    if disclosed is None:
        return Attendance(**attendance)
    return Attendance(
        **attendance,
        balance=Balance.model_validate(disclosed, from_attributes=True),
        payment_options=tuple(Option.model_validate(option, from_attributes=True) for option in disclosed.options),
    )


@router.post("/visits/{visit_id}/result", status_code=201, dependencies=[writes("field-visits", agency=True)])
async def record_result(
    visit_id: UUID, new: NewResult, request: Request, tx: WriteTransaction, who: CurrentPrincipal
) -> Visit:
    """Record how the visit ended, once. Send an Idempotency-Key, so that a repeated request counts once.

    An agency that no longer has the contract may still report. After the days of grace its report is kept without
    effect (``effective`` is false).
    """
    settings: FieldVisitsSettings = request.app.state.settings
    return shown(await report(tx, who, visit_id, new.finding(), timedelta(days=settings.report_grace_days)))
