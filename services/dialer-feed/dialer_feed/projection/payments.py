"""Payments, as far as their hold-off needs them: the business date on which each arrived, and whether it was reversed.

The table also holds payments that a debtor has only claimed to a dialer (``withdrawals.dialer_reports``).
"""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, PaymentReceived, PaymentReversed

# One that is known, reversed or not, stays as it is.
_KEEP = """
INSERT INTO payment (contract_id, payment_id, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
_REVERSE = """
INSERT INTO payment (contract_id, payment_id, business_date, reversed)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::date[])
ON CONFLICT (contract_id, payment_id) DO UPDATE SET reversed = true
"""


async def keep(tx: Transaction, events: Sequence[PaymentReceived]) -> None:
    """Keep payments: the hold-off of each counts from the business date on which it arrived."""
    await tx.execute(_KEEP, *columns(((e.contract_id, e.payment_id, e.as_of) for e in events), 3))


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    """Keep reversals: these payments hold nothing off any more, whether or not they have been heard of."""
    await tx.execute(_REVERSE, *columns(((e.contract_id, e.payment_id, e.as_of) for e in events), 3))


async def keep_of_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the payments and reversals that whole contracts list, in case one of them was missed."""
    last = [(e.contract_id, p.payment_id, p.business_date) for e in events if (p := e.last_payment)]
    if last:
        await tx.execute(_KEEP, *columns(last, 3))
    listed = [(e.contract_id, p.payment_id, p.business_date, p.reversed) for e in events for p in e.payments]
    if listed:
        await tx.execute(_KEEP, *columns((row[:3] for row in listed), 3))
    if undone := [row[:3] for row in listed if row[3]]:
        await tx.execute(_REVERSE, *columns(undone, 3))
