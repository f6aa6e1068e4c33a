"""Events of the dialer-feed service: lists, withdrawals, calls and reports of dialers."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from recobro_events.contracts.base import ContractEvent, Event, Lane, Money, MoneyTotal
from recobro_events.contracts.portfolio import DebtorStatus


class WithdrawalReason(StrEnum):
    """Why an entry was withdrawn from a live list."""

    PAYMENT = "payment"
    CLARIFICATION = "clarification"
    PROMISE = "promise"
    RECALL = "recall"
    DECEASED = "deceased"
    REPRESENTED = "represented"
    OPTED_OUT = "opted_out"
    WRONG_NUMBER = "wrong_number"
    NO_PHONE = "no_phone"
    RULING = "ruling"
    CLOSED = "closed"
    PAUSED = "paused"
    NO_LONGER_ELIGIBLE = "no_longer_eligible"
    UNKNOWN_STATE = "unknown_state"
    PAYMENT_CLAIMED = "payment_claimed"
    OTHER = "other"


class CampaignKind(StrEnum):
    """How the contracts are dialled. A preventive campaign reminds of what falls due; the others dial what is overdue.

    A call of a manual campaign's list counts as one that a person dialled.
    """

    BLASTER = "blaster"
    PREDICTIVE = "predictive"
    MANUAL = "manual"
    PREVENTIVE = "preventive"


class Disposition(StrEnum):
    """How a call ended."""

    RIGHT_PARTY = "right_party"
    THIRD_PARTY = "third_party"
    PROMISE = "promise"
    REFUSED = "refused"
    PAYMENT_CLAIMED = "payment_claimed"
    CLARIFICATION = "clarification"
    WRONG_NUMBER = "wrong_number"
    OPTED_OUT = "opted_out"
    DECEASED = "deceased"
    REPRESENTED = "represented"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"


class CallDirection(StrEnum):
    """Who called: the dialer (outbound), or the debtor or somebody else (inbound)."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


MOST_OVERDUE_TOTAL = Decimal("999999999999.99")
"""The largest ``Money``."""


class ListPublished(Event, type="dialer-feed.list-published.v1", key="list_id"):
    """A dialing list is live. ``overdue_sum`` sums the overdue balances of all contracts that its ``entries`` name.

    ``overdue_total`` is the same sum for readers of the first revision of this event. They read no amount above
    ``MOST_OVERDUE_TOTAL``, so a greater sum is replaced by that amount.
    """

    list_id: UUID
    campaign_id: UUID
    agency_id: UUID | None = None
    business_date: date
    entries: int
    overdue_total: Money
    overdue_sum: MoneyTotal | None = None


class ContractsListed(Event, type="dialer-feed.contracts-listed.v1", key="list_id", lane=Lane.BULK):
    """These contracts are on a list that is live since ``published_at``.

    An event names up to 1,000 contracts. Several events together name all contracts of a longer list.
    """

    list_id: UUID
    campaign_id: UUID
    campaign_name: str
    agency_id: UUID | None = None
    business_date: date
    published_at: datetime
    contract_ids: tuple[UUID, ...]


class ListEntryWithdrawn(ContractEvent, type="dialer-feed.list-entry-withdrawn.v1"):
    """A contract was withdrawn from a live list at ``withdrawn_at``; the cause happened at ``caused_at``."""

    list_id: UUID
    agency_id: UUID | None = None
    contract_number: str
    reason: WithdrawalReason
    cause_event_id: UUID | None = None
    caused_at: datetime
    withdrawn_at: datetime


class WithdrawalAcknowledged(ContractEvent, type="dialer-feed.withdrawal-acknowledged.v1"):
    """The dialer ``dialer_id`` (the subject of its token) has acted on a withdrawal."""

    list_id: UUID
    dialer_id: str
    acknowledged_at: datetime


class CallCompleted(ContractEvent, type="dialer-feed.call-completed.v1"):
    """A call ended. ``list_id`` is zeros for a call without a list. An inbound call does not count as an attempt.

    ``contact_id`` is made from the number, even if the contract does not have that number. ``right_party`` says whether
    the caller spoke with the debtor. ``also`` are the other contracts that the entry on the list named; the call counts
    for them too.
    """

    call_id: str
    list_id: UUID
    agency_id: UUID | None = None
    contact_id: UUID | None = None
    agent: str
    started_at: datetime
    duration_seconds: int
    disposition: Disposition
    right_party: bool
    recording: str | None = None
    direction: CallDirection = CallDirection.OUTBOUND
    also: tuple[UUID, ...] = ()


class ConvenienceRequested(ContractEvent, type="dialer-feed.convenience-requested.v1"):
    """A debtor has said on a call what is inconvenient.

    The four fields ``not_…`` have the meaning that they have in ``portfolio.convenience-changed``. ``effective`` is
    false in the same cases as in ``dialer-feed.opt-out-requested``.
    """

    not_hours: tuple[str, ...] = ()
    not_days: tuple[str, ...] = ()
    not_media: tuple[str, ...] = ()
    not_places: tuple[str, ...] = ()
    reported_by: str
    call_id: str | None = None
    effective: bool = True


class OptOutRequested(ContractEvent, type="dialer-feed.opt-out-requested.v1"):
    """The debtor does not want to be contacted on this contact point; a null ``medium`` means all media.

    ``effective`` is false if an agency learned this while the contract was not with the agency, or while the agency's
    list was over. It is also false if the agency reported this after the days of grace. The report is then stored, and
    changes nothing until a person decides.
    """

    contact_id: UUID
    medium: str | None = None
    effective: bool = True


class ContactInvalid(ContractEvent, type="dialer-feed.contact-invalid.v1"):
    """A dialer reported that a contact point does not reach the debtor; ``why`` is the reason that it gave.

    ``effective`` is false if an agency learned this while the contract was not with the agency, or while the agency's
    list was over. It is also false if the agency reported this after the days of grace. The report is then stored, and
    changes nothing until a person decides.
    """

    contact_id: UUID
    why: str
    effective: bool = True


class ClarificationRequested(ContractEvent, type="dialer-feed.clarification-requested.v1"):
    """A dialer reported that the debtor disputes the debt.

    ``effective`` is false if an agency learned this while the contract was not with the agency, or while the agency's
    list was over. It is also false if the agency reported this after the days of grace. The report is then stored, and
    changes nothing until a person decides.
    """

    reason: str
    detail: str | None = None
    reported_by: str
    effective: bool = True


class DebtorReported(ContractEvent, type="dialer-feed.debtor-reported.v1"):
    """A dialer reported the debtor's status.

    ``effective`` is false if an agency learned this while the contract was not with the agency, or while the agency's
    list was over. It is also false if the agency reported this after the days of grace. The report is then stored, and
    changes nothing until a person decides.
    """

    status: DebtorStatus
    reported_by: str
    effective: bool = True


class PaymentClaimed(ContractEvent, type="dialer-feed.payment-claimed.v1"):
    """The debtor claims to have paid; no payment has arrived yet.

    ``effective`` is false if an agency learned this while the contract was not with the agency, or while the agency's
    list was over. It is also false if the agency reported this after the days of grace. The report is then stored, and
    changes nothing until a person decides.
    """

    detail: str | None = None
    effective: bool = True


class WrongfulCallDetected(ContractEvent, type="dialer-feed.wrongful-call-detected.v1"):
    """A call began at ``called_at``, although its contract or number had been silent since ``withdrawn_at``."""

    call_id: str
    withdrawn_at: datetime
    called_at: datetime
    agency_id: UUID | None = None
