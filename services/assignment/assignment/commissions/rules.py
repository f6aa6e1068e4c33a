"""What earns a commission, as SQL on the rows ``paid``, ``placement``, ``service_contract`` and ``fee``.

``paid`` is a payment: its contract, its business date ``day``, the ``days_past_due`` before it, and its ``base``.
"""

from decimal import Decimal

from recobro_events.contracts.portfolio import PaymentReceived


def base_of(payment: PaymentReceived) -> Decimal:
    """What reduced the debt: a payment's credit earns nothing."""
    return payment.amount - payment.credit


# A placement that is over says itself until when it earns; the dates of one that is not may have passed unnoticed.
IN_FORCE = """
    paid.day >= placement.starts_on
    AND paid.day <= coalesce(
        placement.earns_until,
        least(placement.ends_on, CASE WHEN placement.state = 'recall_pending' THEN placement.final_on END)
            + service_contract.attribution_days,
        'infinity')
"""
"""Whether the agency had the contract on the payment's business date, or payments were still attributed to it then."""

FEE_COVERS = """
    fee.kind = placement.kind AND paid.days_past_due >= fee.from_days
    AND (fee.to_days IS NULL OR paid.days_past_due <= fee.to_days)
"""
"""Whether this fee of the service contract is for a debt of that age."""

NOT_UNDONE = "NOT EXISTS (SELECT FROM payment_reversal WHERE payment_reversal.payment_id = paid.payment_id)"
"""Whether the payment has not been reversed; its reversal may have been heard of first."""

AMOUNT = "round(paid.base * fee.percent / 100, 2)"
"""The commission, rounded half up, payment by payment."""
