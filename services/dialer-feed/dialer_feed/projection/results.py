"""What debtors have promised and paid. Productivity measures calls by it. Nothing here silences."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, PaymentReceived, PaymentReversed
from recobro_events.contracts.promises import MadeIn, PromiseEvent, PromiseKept, PromiseMade

# The day of a promise is published once, and may arrive after newer states of the promise.
_KEEP_PROMISES = """
INSERT INTO promised AS known (contract_id, promise_id, version, made_on, in_call, amount, kept)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::date[], $5::boolean[], $6::numeric[], $7::boolean[])
ON CONFLICT (contract_id, promise_id) DO UPDATE SET
    version = greatest(known.version, excluded.version),
    made_on = coalesce(known.made_on, excluded.made_on), in_call = coalesce(known.in_call, excluded.in_call),
    kept = CASE WHEN known.version < excluded.version THEN excluded.kept ELSE known.kept END
WHERE known.version < excluded.version OR (known.made_on IS NULL AND excluded.made_on IS NOT NULL)
"""
# A payment that was reversed stays so, whichever event arrives first.
_KEEP_PAYMENTS = """
INSERT INTO received AS known (contract_id, payment_id, amount, business_date, reversed)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::date[], $5::boolean[])
ON CONFLICT (contract_id, payment_id) DO UPDATE SET reversed = true,
    business_date = least(known.business_date, excluded.business_date)
WHERE excluded.reversed <> known.reversed
"""
_BY_TELEPHONE = (MadeIn.CALL, MadeIn.AGENCY)


async def keep_promises(tx: Transaction, events: Sequence[PromiseEvent]) -> None:
    """Keep promises: the day, the amount, and whether they are kept."""
    rows = (
        (
            e.contract_id,
            e.promise_id,
            e.version,
            e.made_on if isinstance(e, PromiseMade) else None,
            e.made_in in _BY_TELEPHONE if isinstance(e, PromiseMade) else None,
            e.promised,
            isinstance(e, PromiseKept),
        )
        for e in events
    )
    await tx.execute(_KEEP_PROMISES, *columns(rows, 7))


async def keep_payments(tx: Transaction, events: Sequence[PaymentReceived | PaymentReversed]) -> None:
    """Keep payments and their reversals."""
    rows = ((e.contract_id, e.payment_id, e.amount, e.as_of, isinstance(e, PaymentReversed)) for e in events)
    await tx.execute(_KEEP_PAYMENTS, *columns(rows, 5))


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the payments that only a whole contract carries: those of files, and all when it is published again."""
    rows = {
        (e.contract_id, p.payment_id): (e.contract_id, p.payment_id, p.amount, p.business_date, reversed_)
        for e in events
        for paid, of_file in ((e.payments, False), (e.file_payments, True))
        for p in paid
        for reversed_ in [not of_file and getattr(p, "reversed", False)]
    }
    if rows:
        await tx.execute(_KEEP_PAYMENTS, *columns(rows.values(), 5))
