"""The events of agencies' topics, made from other services' events.

They carry amounts and dates, but no names, phones or addresses.
"""

from uuid import UUID

from recobro_events.contracts import agency
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    PaymentReceived,
    PaymentReversed,
)

TOPIC = "'agency.' || agency_id || '.events'"
"""SQL: the topic of the agency that a row names."""


def payment_received(payment: PaymentReceived, agency_id: UUID) -> agency.PaymentReceived:
    return agency.PaymentReceived(
        agency_id=agency_id,
        contract_id=payment.contract_id,
        payment_id=payment.payment_id,
        amount=payment.amount,
        currency=payment.currency,
        paid_on=payment.paid_on,
        overdue_balance=payment.overdue_balance,
        total_balance=payment.total_balance,
    )


def payment_reversed(reversal: PaymentReversed, agency_id: UUID) -> agency.PaymentReversed:
    return agency.PaymentReversed(
        agency_id=agency_id,
        contract_id=reversal.contract_id,
        payment_id=reversal.payment_id,
        amount=reversal.amount,
        currency=reversal.currency,
        overdue_balance=reversal.overdue_balance,
        total_balance=reversal.total_balance,
    )


def clarification_opened(dispute: ClarificationOpened, agency_id: UUID) -> agency.ClarificationOpened:
    return agency.ClarificationOpened(
        agency_id=agency_id, contract_id=dispute.contract_id, clarification_id=dispute.clarification_id
    )


def clarification_resolved(resolution: ClarificationResolved, agency_id: UUID) -> agency.ClarificationResolved:
    return agency.ClarificationResolved(
        agency_id=agency_id,
        contract_id=resolution.contract_id,
        clarification_id=resolution.clarification_id,
        contact_may_resume=resolution.contact_may_resume,
        still_open=len(resolution.still_open),
    )


def list_entry_withdrawn(withdrawal: ListEntryWithdrawn, agency_id: UUID) -> agency.ListEntryWithdrawn:
    return agency.ListEntryWithdrawn(
        agency_id=agency_id,
        contract_id=withdrawal.contract_id,
        list_id=withdrawal.list_id,
        contract_number=withdrawal.contract_number,
        reason=withdrawal.reason,
        withdrawn_at=withdrawal.withdrawn_at,
    )
