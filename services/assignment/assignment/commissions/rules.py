"""Which placement earns from a payment, as SQL on the rows ``paid``, ``placement``, ``service_contract`` and ``fee``.

``paid`` is a payment: its contract, ``paid_on``, ``base``, and the ``days_past_due`` on ``paid_on``. Days decide. On
the day on which a placement begins, and on the day on which a person ends it, the order of the contract's versions
decides.
"""

from projections.silence import days_paused
from recobro_events.contracts.assignment import PlacementKind


def _begun(placement: str) -> str:
    return f"""
    ({placement}.starts_on < paid.paid_on OR (
        {placement}.starts_on = paid.paid_on AND (paid.version > {placement}.placed_version OR paid.overtook)))"""


_LAST_DAY = """
    least(placement.ends_on, CASE WHEN placement.state IN ('recalled', 'ended') THEN placement.ended_on
        WHEN placement.state = 'recall_pending' THEN placement.final_on END)"""
"""The last day of the placement; null while no day is set. A date may pass before the placement's state changes."""

_IN_TERM = f"""
    (paid.paid_on <= coalesce({_LAST_DAY}, 'infinity') AND placement.ended_version IS NULL
        OR placement.ended_version IS NOT NULL AND paid.paid_on <= coalesce(placement.ends_on, 'infinity')
            AND (paid.paid_on < placement.ended_on OR paid.version <= placement.ended_version))"""

_IN_ATTRIBUTION_WINDOW = f"""
    (paid.paid_on <= {_LAST_DAY} + service_contract.attribution_days AND service_contract.attribution_days > 0
        AND NOT EXISTS (
            SELECT FROM placement next
            WHERE next.contract_id = paid.contract_id AND next.agency_id <> placement.agency_id
                AND next.starts_on >= {_LAST_DAY} AND {_begun("next")}))"""
"""The attribution days after the last day. They end where the placement of another agency begins."""

IN_FORCE = f"({_begun('placement')} AND ({_IN_TERM} OR {_IN_ATTRIBUTION_WINDOW}))"
"""Whether the agency had the contract on the day of the payment, or that day was an attribution day."""

FEE_COVERS = """
    fee.kind = placement.kind AND paid.days_past_due >= fee.from_days
    AND (fee.to_days IS NULL OR paid.days_past_due <= fee.to_days)
"""
"""Whether this fee of the service contract covers the kind of work and the age of the debt."""

DEFAULT_PRECEDENCE = (PlacementKind.COLLECTION, PlacementKind.VISITS, PlacementKind.DIALING)
_KINDS = f"coalesce(precedence.kinds, '{{{','.join(DEFAULT_PRECEDENCE)}}}')"

FIRST = f"""
    array_position({_KINDS}, placement.kind), NOT {_IN_TERM}, placement.starts_on DESC, placement.ordinal DESC"""
"""The order of placements that could earn from one payment. Only the first earns."""

NOT_REVERSED = "NOT EXISTS (SELECT FROM payment_reversal WHERE payment_reversal.payment_id = paid.payment_id)"
"""Whether the payment has not been reversed. The reversal may arrive before the payment."""

AMOUNT = "round(paid.base * fee.percent / 100, 2)"
"""The commission on one payment, rounded half up."""

AGE_ON_PAID_ON = f"""
    greatest(0, fact.days_before - greatest(0, fact.business_date - fact.paid_on)
        + {days_paused("fact.contract_id", "fact.paid_on", "fact.business_date")})::integer"""
"""The days past due on ``paid_on``, from those on the business date on which the payment arrived.

Paused days between the two did not count.
"""
