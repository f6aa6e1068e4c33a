"""Events of the field-visits service: visits ordered, completed and cancelled, and findings at the door."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Part
from recobro_events.contracts.portfolio import ContactKind, DebtorStatus


class VisitOutcome(StrEnum):
    """How a visit ended."""

    VISITED = "visited"
    CLARIFICATION = "clarification"
    DECEASED = "deceased"
    UNLOCATABLE = "unlocatable"
    REFUSED = "refused"
    PROMISE = "promise"
    NOBODY_HOME = "nobody_home"


class AttendedBy(StrEnum):
    """Who opened the door."""

    DEBTOR = "debtor"
    THIRD_PARTY = "third_party"
    NOBODY = "nobody"


class CancelReason(StrEnum):
    """Why a visit does not take place."""

    PAYMENT = "payment"
    CLARIFICATION = "clarification"
    PROMISE = "promise"
    RECALL = "recall"
    DECEASED = "deceased"
    REPRESENTED = "represented"
    UNLOCATABLE = "unlocatable"
    PAUSED = "paused"
    CLOSED = "closed"
    NOTHING_OVERDUE = "nothing_overdue"
    UNKNOWN_STATE = "unknown_state"
    OPERATOR = "operator"


class AddressVerdict(StrEnum):
    """Whether the address is the debtor's."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"


class Position(Part):
    """The place where the visitor was: WGS 84 degrees, and the accuracy in metres, as the phone measured them."""

    latitude: float
    longitude: float
    accuracy_metres: float | None = None


class VisitOrdered(ContractEvent, type="field-visits.visit-ordered.v1"):
    """A visitor is to go to an address of the contract on the day ``visit_on``."""

    visit_id: UUID
    agency_id: UUID | None = None
    visitor: str
    address_id: UUID
    visit_on: date


class VisitCompleted(ContractEvent, type="field-visits.visit-completed.v1"):
    """A visit was completed. The visitor was at the door at ``started_at``. ``photos`` is the number of photos."""

    visit_id: UUID
    agency_id: UUID | None = None
    outcome: VisitOutcome
    attended_by: AttendedBy
    reason_for_non_payment: str | None = None
    started_at: datetime
    position: Position | None = None
    photos: int


class VisitCancelled(ContractEvent, type="field-visits.visit-cancelled.v1"):
    """A visit does not take place."""

    visit_id: UUID
    agency_id: UUID | None = None
    reason: CancelReason
    detail: str | None = None


class VisitReinstated(ContractEvent, type="field-visits.visit-reinstated.v1"):
    """A cancelled visit is ordered again, because the payment that had cancelled it was reversed."""

    visit_id: UUID
    agency_id: UUID | None = None
    visitor: str
    address_id: UUID
    visit_on: date


class ContactDataCollected(ContractEvent, type="field-visits.contact-data-collected.v1"):
    """A visitor learned a phone number or an e-mail address at the door. Carries personal data.

    ``effective`` is false when an agency reports this after the contract was taken from it and the days of grace are
    over. The report is then stored, and changes nothing until a person decides.
    """

    visit_id: UUID
    kind: ContactKind
    value: str
    provenance: str
    effective: bool = True


class AddressCollected(ContractEvent, type="field-visits.address-collected.v1"):
    """A visitor learned an address at the door; nobody has checked it yet. Carries personal data.

    ``effective`` is false when an agency reports this after the contract was taken from it and the days of grace are
    over. The report is then stored, and changes nothing until a person decides.
    """

    visit_id: UUID
    street: str
    exterior: str | None = None
    interior: str | None = None
    neighbourhood: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    provenance: str
    effective: bool = True


class AddressChecked(ContractEvent, type="field-visits.address-checked.v1"):
    """A visitor reported whether the address is the debtor's.

    ``effective`` is false when an agency reports this after the contract was taken from it and the days of grace are
    over. The report is then stored, and changes nothing until a person decides.
    """

    visit_id: UUID
    address_id: UUID
    verdict: AddressVerdict
    effective: bool = True


class DebtorReported(ContractEvent, type="field-visits.debtor-reported.v1"):
    """A visitor reported the debtor's status: ``deceased`` or ``unlocatable``.

    ``effective`` is false when an agency reports this after the contract was taken from it and the days of grace are
    over. The report is then stored, and changes nothing until a person decides.
    """

    visit_id: UUID
    status: DebtorStatus
    reported_by: str
    effective: bool = True


class ClarificationRequested(ContractEvent, type="field-visits.clarification-requested.v1"):
    """A visitor reported that the debtor disputes the debt.

    ``effective`` is false when an agency reports this after the contract was taken from it and the days of grace are
    over. The report is then stored, and changes nothing until a person decides.
    """

    visit_id: UUID
    reason: str
    detail: str | None = None
    reported_by: str
    effective: bool = True
