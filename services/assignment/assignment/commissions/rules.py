"""The conditions of a commission, as SQL on the rows ``paid``, ``placement``, ``service_contract`` and ``fee``.

``paid`` is a payment: its contract, its business date ``day``, the ``days_past_due`` before the payment, and ``base``.
"""

from decimal import Decimal

from recobro_events.contracts.portfolio import PaymentReceived


def base_of(payment: PaymentReceived) -> Decimal:
    """The part of the payment that reduced the debt. The credit of a payment earns nothing."""
    return payment.amount - payment.credit


# A placement that is over stores ``earns_until``. For any other placement the dates are compared here, because they
# may have passed before the placement's state was changed.
IN_FORCE = """
    paid.day >= placement.starts_on
    AND paid.day <= coalesce(
        placement.earns_until,
        least(placement.ends_on, CASE WHEN placement.state = 'recall_pending' THEN placement.final_on END)
            + service_contract.attribution_days,
        'infinity')
"""
"""Whether the agency had the contract on the payment's business date, or that date was an attribution day."""

FEE_COVERS = """
    fee.kind = placement.kind AND paid.days_past_due >= fee.from_days
    AND (fee.to_days IS NULL OR paid.days_past_due <= fee.to_days)
"""
"""Whether this fee of the service contract covers the kind of work and the age of the debt."""

NOT_REVERSED = "NOT EXISTS (SELECT FROM payment_reversal WHERE payment_reversal.payment_id = paid.payment_id)"
"""Whether the payment has not been reversed. The reversal may arrive before the payment."""

AMOUNT = "round(paid.base * fee.percent / 100, 2)"
"""The commission on one payment, rounded half up."""
