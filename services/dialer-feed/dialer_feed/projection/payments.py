"""Payments, with what their hold-off needs: the business date on which each arrived, and whether it was reversed.

The table also holds claimed payments that dialers report (``withdrawals.dialer_reports``).
"""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, PaymentReceived, PaymentReversed

# A known payment stays as it is, reversed or not.
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
    """Keep payments. A payment's hold-off counts from the business date on which the payment arrived."""
    await tx.execute(_KEEP, *columns(((e.contract_id, e.payment_id, e.as_of) for e in events), 3))


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    """Keep reversals. A reversed payment has no hold-off, even if the payment itself arrives later."""
    await tx.execute(_REVERSE, *columns(((e.contract_id, e.payment_id, e.as_of) for e in events), 3))


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the payments and reversals that whole contracts list, in case this service missed one."""
    last = [(e.contract_id, p.payment_id, p.business_date) for e in events if (p := e.last_payment)]
    if last:
        await tx.execute(_KEEP, *columns(last, 3))
    listed = [(e.contract_id, p.payment_id, p.business_date, p.reversed) for e in events for p in e.payments]
    if listed:
        await tx.execute(_KEEP, *columns((row[:3] for row in listed), 3))
    if undone := [row[:3] for row in listed if row[3]]:
        await tx.execute(_REVERSE, *columns(undone, 3))
